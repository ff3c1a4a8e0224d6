"""Which learning rate and batch are optimal at each model size and number of tokens?

    L = c + g·z + ½ · zᵀ H z,    z of ln learning rate and ln batch;    the optimum is −H⁻¹ g

One paraboloid per number of parameters and tokens, fitted to runs near the lowest loss. Limits are bootstrap limits
over runs, widened for few of them (``relscale.questions.limits.factor_of_few``). Surfaces without a minimum, or with a
minimum outside the range of the sweep, are marked. For the law of these optima see the question ``step_law``.

Source: Li et al., *Predictable Scale: Step Law*, arXiv 2503.04715, which averages the runs within 0.25% instead.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from relscale.errors import RelscaleError
from relscale.fitting.paraboloid import minimum, terms
from relscale.laws.law import Array
from relscale.questions.limits import factor_of_few, joined_notes, percentiles, widened
from relscale.questions.options import check_draws, option
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

if TYPE_CHECKING:
    import plotly.graph_objects as go

MIN_SURPLUS_RUNS = 4  # required runs in excess of the paraboloid's coefficients


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """One row per number of parameters and tokens."""

    params: float = column("Parameters, as counted in the table.")
    tokens: float = column("Training tokens.")
    runs: int = column("Number of runs near the lowest loss.")
    learning_rate: float | None = column("Optimal learning rate.", default=None)
    rate_low: float | None = column("Lower limit of its 95% interval.", default=None)
    rate_high: float | None = column("Upper limit.", default=None)
    batch: float | None = column("Optimal batch, in the unit of the table.", default=None)
    batch_low: float | None = column("Lower limit of its 95% interval.", default=None)
    batch_high: float | None = column("Upper limit.", default=None)
    loss: float | None = column("Loss at the optimum.", default=None)
    least: float = column("Lowest loss of a run.")
    note: str | None = column(
        "Reason for a missing optimum, or a note that it is beyond the data.", default=None
    )


ROW = SweepRow


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOptions:
    """The columns of a sweep, and the selection of its runs."""

    rate: str = option("Column of the peak learning rate.", "learning_rate")
    batch: str = option(
        'Column of the batch, in tokens for a law of it; "" for a sweep over the learning rate only.',
        "batch_tokens",
    )
    y: str = option("Column of the loss.", "loss")
    params: str = option("Column of the model's parameters.", "params")
    tokens: str = option("Column of the training tokens.", "tokens")
    within: float = option(
        "Maximum excess over the lowest loss at the same size and tokens, as a share of it.", 0.02
    )


ALL = SweepOptions()


def rows(
    table: Columns,
    *,
    sweep: SweepOptions = ALL,
    draws: int = 200,
    seed: int = 0,
) -> Iterator[SweepRow]:
    """The optimum at each number of parameters and tokens.

    Parameters
    ----------
    sweep
        The columns of the sweep, and the selection of its runs.
    draws
        Resamples for the intervals; 0 for none.
    seed
        Seed of the resampling.

    Raises
    ------
    RelscaleError
        A column is missing or not positive, or ``within`` is not.
    """
    if not 0 < sweep.within < np.inf:
        raise RelscaleError(f"within: {sweep.within:g} is not a positive share")
    check_draws(draws)
    for sizes, x, loss in cells(table, sweep):
        yield _optimum(sizes, x, loss, sweep.within, draws, np.random.default_rng(seed))


def figure(
    table: Columns,
    rows: Sequence[SweepRow],
    *,
    sweep: SweepOptions = ALL,
    **_: object,
) -> "go.Figure":
    """Figure of the runs of each size and number of tokens in rate and batch, with the paraboloid and its minimum.

    Raises
    ------
    RelscaleError
        The sweep is over the learning rate only.
    """
    from relscale.studies.sweep_figure import SweptCell, draw_sweep

    if not sweep.batch:
        raise RelscaleError("--plot: a sweep over only the learning rate has no figure")
    shown = []
    for row, ((size, number), x, loss) in zip(rows, cells(table, sweep), strict=True):
        near = loss <= loss.min() * (1 + sweep.within)
        low, high = (
            np.array([np.nan if limit is None else limit for limit in limits])
            for limits in ((row.rate_low, row.batch_low), (row.rate_high, row.batch_high))
        )
        shown.append(
            SweptCell(
                size=size,
                tokens=number,
                rate=np.exp(x[0]),
                batch=np.exp(x[1]),
                loss=loss,
                best=minimum(x[:, near], loss[near]),
                low=low,
                high=high,
                note=row.note or "",
            )
        )
    return draw_sweep(shown, sweep.rate.replace("_", " "), sweep.batch.replace("_", " "))


def cells(table: Columns, sweep: SweepOptions) -> Iterator[tuple[tuple[float, float], Array, Array]]:
    """For each size and number of tokens: both, the logarithms of the swept variables (p, n), and the loss (n,).

    Raises
    ------
    RelscaleError
        A column is missing or not positive, or no row has all columns.
    """
    swept = np.log(np.stack([table.positive(name) for name in (sweep.rate, sweep.batch) if name]))
    loss = table.positive(sweep.y)
    sizes = np.stack([table.positive(sweep.params), table.positive(sweep.tokens)])
    known = np.isfinite(swept).all(axis=0) & np.isfinite(loss) & np.isfinite(sizes).all(axis=0)
    if not known.any():
        names = (sweep.rate, sweep.batch, sweep.y, sweep.params, sweep.tokens)
        raise RelscaleError(f"no row has {', '.join(filter(None, names))}")
    for n, d in np.unique(sizes[:, known], axis=1).T:
        in_cell = known & (sizes[0] == n) & (sizes[1] == d)
        yield (float(n), float(d)), swept[:, in_cell], loss[in_cell]


def _optimum(
    sizes: tuple[float, float],
    x: Array,
    loss: Array,
    within: float,
    draws: int,
    rng: np.random.Generator,
) -> SweepRow:
    least = float(loss.min())
    near = loss <= least * (1 + within)
    all_points, x, loss = x, x[:, near], loss[near]
    row = SweepRow(params=sizes[0], tokens=sizes[1], runs=len(loss), least=least)
    needed = terms(len(x)) + MIN_SURPLUS_RUNS
    if len(loss) < needed:
        return replace(
            row, note=f"fewer than the {needed} runs needed within {within:.3g} of the lowest loss"
        )
    best = minimum(x, loss)
    if not best.exists:
        return replace(row, note="no minimum: the surface is not curved upwards in every direction")
    names = ("learning_rate", "batch")[: len(x)]
    outside = [
        name.replace("_", " ")
        for name, at, swept_values in zip(names, best.at, all_points, strict=True)
        if not swept_values.min() <= at <= swept_values.max()
    ]
    drawn = [
        minimum(x, loss, rng.multinomial(len(loss), np.full(len(loss), 1 / len(loss))).astype(float)).at
        for _ in range(draws)
    ]
    factor = factor_of_few(len(loss), len(loss) - terms(len(x)))
    limits = [
        widened(percentiles([float(at[i]) for at in drawn], draws), float(best.at[i]), factor, "linear")
        for i in range(len(x))
    ]
    of_batch = limits[1] if len(x) > 1 else percentiles([], 0)
    return replace(
        row,
        learning_rate=float(np.exp(best.at[0])),
        rate_low=_exp(limits[0].low),
        rate_high=_exp(limits[0].high),
        batch=float(np.exp(best.at[1])) if len(x) > 1 else None,
        batch_low=_exp(of_batch.low),
        batch_high=_exp(of_batch.high),
        loss=best.value,
        note=joined_notes(f"beyond the data: {' and '.join(outside)}" if outside else "", limits[0].note),
    )


def _exp(limit: float | None) -> float | None:
    return None if limit is None else float(np.exp(limit))
