"""How do the optimal learning rate and batch scale with model size and tokens? As config keys.

    rate = c · N^a · D^b,    batch = c' · D^b'        by least squares of logarithms, through the optima of a sweep

The optima are those of the question ``sweep``; optima without a minimum, or beyond the data, are excluded. Each row is
a key of the config's section ``design``, so that training runs can follow the law. Constants refer to N = D = 1 and
trade off with the exponents: compare predicted optima, not constants. ``excess`` is the cost of following the law: the
loss of the run nearest to the law's optimum above the lowest loss, over sizes and tokens.

To judge a published law by a sweep, give all its constants: that of the source is ``--fix-rate
constant=1.79,params=-0.713,tokens=0.307 --fix-batch constant=0.58,tokens=0.571``, with N without embeddings.

Source: Li et al., *Predictable Scale: Step Law*, arXiv 2503.04715.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from relscale.confidence import LEVEL
from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.status import Status
from relscale.fixed_parameters import fixed_parameters
from relscale.laws.catalogue import law
from relscale.laws.law import Array
from relscale.questions.sweep import ALL, SweepOptions, SweepRow, cells
from relscale.questions.sweep import rows as sweep_rows
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

KEYS = {"learning_rate": "learning_rate", "batch": "batch_tokens"}  # keys of the section design


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLawRow:
    """One row per constant and exponent, and one for the excess."""

    key: str = column("Config key, or excess.")
    value: float = column("Value; for the excess the mean, as a share of the loss.")
    low: float | None = column("Lower limit of the 95% t interval; for the excess the minimum.", default=None)
    high: float | None = column("Upper limit; for the excess the maximum.", default=None)
    optima: int = column("Number of optima in the fit.")
    note: str | None = column("Caveats.", default=None)


ROW = StepLawRow


def rows(
    table: Columns,
    *,
    sweep: SweepOptions = ALL,
    rate_of: tuple[str, ...] = ("params", "tokens"),
    batch_of: tuple[str, ...] = ("tokens",),
    fix_rate: tuple[str, ...] = (),
    fix_batch: tuple[str, ...] = (),
) -> Iterator[StepLawRow]:
    """The law of the optimal learning rate, and of the optimal batch if it was swept.

    Parameters
    ----------
    sweep
        The columns of the sweep, and the selection of its runs.
    rate_of
        Predictors of the learning rate: params, tokens or both.
    batch_of
        Predictors of the batch: params, tokens or both.
    fix_rate
        Fixed parameters of the learning rate: constant=1.79,params=-0.713,tokens=0.307.
    fix_batch
        Fixed parameters of the batch: constant=0.58,tokens=0.571.

    Raises
    ------
    RelscaleError
        A column is missing or not positive, or there are fewer optima than parameters of the law.
    """
    optima = [row for row in sweep_rows(table, sweep=sweep, draws=0) if row.note is None]
    powers = {"learning_rate": (rate_of, fix_rate, "rate")} | (
        {"batch": (batch_of, fix_batch, "batch")} if sweep.batch else {}
    )
    fits = {}
    for name, (of, fix, short) in powers.items():
        fits[name] = _power(name, optima, of, fixed_parameters(fix, f"fix_{short}"), f"{short}_of")
        yield from _rows(name, fits[name], len(optima))
    excess = np.array([_excess(x, loss, sizes, fits) for sizes, x, loss in cells(table, sweep)])
    yield StepLawRow(
        key="excess",
        value=float(excess.mean()),
        low=float(excess.min()),
        high=float(excess.max()),
        optima=len(optima),
    )


def _power(
    name: str, optima: list[SweepRow], of: tuple[str, ...], fix: Mapping[str, float], option: str
) -> Estimates:
    """The power law of the optima; its parameters have the names of the config's keys."""
    if not of or set(of) - {"params", "tokens"}:
        raise RelscaleError(f"{option}: {','.join(of) or 'nothing'}; give params, tokens or both")
    power_law = law("combined", of)
    names = {"constant": "c"} | {predictor: f"e_{predictor}" for predictor in of}
    if set(fix) - set(names):
        raise RelscaleError(
            f"fix: {', '.join(sorted(set(fix) - set(names)))} is not one of {', '.join(names)}"
        )
    free = len(names) - len(fix)
    if len(optima) < max(free, 1):
        raise RelscaleError(
            f"pairs of params and tokens with an optimum inside the data: {len(optima)}, too few for a law of "
            f"{name}; `relscale ask sweep` shows the reasons"
        )
    x = np.array([[getattr(row, predictor) for row in optima] for predictor in of])
    fixed = {names[key]: value for key, value in fix.items()}
    return estimate(power_law, x, np.array([getattr(row, name) for row in optima]), fixed=fixed)


def _rows(name: str, fit: Estimates, optima: int) -> Iterator[StepLawRow]:
    low, high = fit.interval(LEVEL)
    remark = fit.status[0]
    remark_note = None if remark.status == Status.OK else remark.note or str(remark.status)
    for i, parameter in enumerate(fit.names):
        key = "constant" if parameter == "c" else parameter.removeprefix("e_")
        is_given = parameter in fit.fixed
        known = not is_given and bool(np.isfinite(low[i, 0]))
        yield StepLawRow(
            key=f"design.{KEYS[name]}.{key}",
            value=float(fit.theta[i, 0]),
            low=float(low[i, 0]) if known else None,
            high=float(high[i, 0]) if known else None,
            optima=optima,
            note="given" if is_given else remark_note,
        )


def _excess(x: Array, loss: Array, sizes: tuple[float, float], fits: Mapping[str, Estimates]) -> float:
    """Excess loss of the run nearest to the law's optimum over the lowest loss, as a share of it."""
    at = dict(zip(("params", "tokens"), sizes, strict=True))
    best = [
        np.log(
            fit.law.value(fit.theta[:, 0], np.array([[at[predictor]] for predictor in fit.law.predictors]))[0]
        )
        for fit in fits.values()
    ]
    nearest = int(((x - np.array(best)[:, None]) ** 2).sum(axis=0).argmin())
    return float(loss[nearest] / loss.min() - 1)
