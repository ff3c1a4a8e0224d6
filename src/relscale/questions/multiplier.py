"""How much unique target data does mixing in other data replace, as a multiple?

    L_alone(m · U) = L_mixed(U, share),    L_alone monotone in ln U through the runs without a mixture (PCHIP)

U is the unique data of the target. Runs are compared at the same value of ``at`` (equal training tokens or equal
compute, which differ). The interval of m propagates the given noise of the loss in all runs. An m that needs more data
than the largest U is beyond the data. Tune epochs and weight decay in each arm, or the multiplier is biased in favour
of mixing.

Source: the question of *Mix, Don't Tune*, arXiv 2605.13225; this definition is relscale's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from relscale.confidence import LEVEL
from relscale.errors import RelscaleError
from relscale.laws.law import Array
from relscale.questions.limits import joined_notes, left_out
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

Limits = tuple[float | None, float | None]

DRAWS, ENOUGH_DRAWS = 1000, 0.95  # number of draws, and smallest share of them with a monotone curve


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplierRow:
    """One row per run with a mixture."""

    at: str = column("Value of the column `at`, which is equal for compared runs.")
    unique: float = column("Unique data of the target.")
    share: float = column("Share of the other data in the mixture.")
    loss: float = column("Loss with the mixture.")
    multiplier: float | None = column("The multiplier.", default=None)
    low: float | None = column("Lower limit of its 95% interval.", default=None)
    high: float | None = column("Upper limit of its 95% interval.", default=None)
    note: str | None = column(
        "Whether the multiplier is beyond the data; excluded runs; undefined draws.", default=None
    )


ROW = MultiplierRow


def rows(
    table: Columns,
    *,
    unique: str,
    y: str,
    share: str,
    at: str = "",
    noise: float = 0.0,
    unique_in_mixtures: float = 0.0,
    seed: int = 0,
) -> Iterator[MultiplierRow]:
    """The multiplier of every mixture.

    Parameters
    ----------
    unique
        Column of the unique data of the target.
    y
        Column of the loss on the target.
    share
        Column of the share of other data; 0 for runs on the target alone.
    at
        Column of the quantity at which runs are compared, such as tokens.
    noise
        Standard error of ln y, for the interval.
    seed
        Seed of the noise draws.
    unique_in_mixtures
        Unique data of the target in every mixture, if the column ``unique`` includes the other data; by default the
        column's value.

    Raises
    ------
    RelscaleError
        A column is missing or not positive, or fewer than three runs are without a mixture.
    """
    for name, value in (("noise", noise), ("unique_in_mixtures", unique_in_mixtures)):
        if not value >= 0:
            raise RelscaleError(f"{name}: {value:g} is negative")
    table = table.without_blanks((unique, y, share), (at,))
    data, loss, mixed, labels = (
        table.positive(unique),
        table.positive(y),
        table.numbers(share),
        table.labels(at),
    )
    if (mixed < 0).any():
        raise RelscaleError(f"column {share!r} contains {mixed[mixed < 0][0]:g}, which is not a share")
    if unique_in_mixtures:
        data = np.where(mixed > 0, unique_in_mixtures, data)
    complete = np.isfinite(data) & np.isfinite(loss) & np.isfinite(mixed)
    for name in dict.fromkeys(labels):
        compared = labels == name
        selected = compared & complete
        alone = selected & (mixed == 0)
        if len(np.unique(data[alone])) < 3:
            raise RelscaleError(
                f"{name}: fewer than three amounts of {unique} without a mixture ({share} = 0)"
            )
        curve, ends = _target_curve(data[alone], loss[alone])
        mixtures = np.flatnonzero(selected & (mixed > 0))
        if not len(mixtures) and (compared & ~(mixed == 0)).any():
            raise RelscaleError(f"{name}: no mixture has numbers in all of {unique}, {y} and {share}")
        limits: list[Limits] = [(None, None)] * len(mixtures)
        missing, undefined = left_out(complete[compared], "runs", (unique, y, share)), ""
        if noise > 0:
            known = data[alone], loss[alone], data[mixtures], loss[mixtures]
            limits, undefined = _limits(*known, noise, np.random.default_rng(seed))
        for i, (low, high) in zip(mixtures, limits, strict=True):
            m, note = _multiplier(curve, ends, loss[i], data[i])
            yield MultiplierRow(
                at=str(name),
                unique=float(data[i]),
                share=float(mixed[i]),
                loss=float(loss[i]),
                multiplier=m,
                low=low,
                high=high,
                note=joined_notes(note, missing, undefined),
            )


def _target_curve(
    data: Array, loss: Array
) -> tuple[Callable[[Array], Array], tuple[float, float, float, float]]:
    """Monotone curve from loss to ln U, and the ranges of loss and U; runs with equal U are averaged."""
    from scipy.interpolate import PchipInterpolator

    amounts = np.unique(data)
    mean = np.array([loss[data == amount].mean() for amount in amounts])
    falling = np.minimum.accumulate(mean)
    decreasing = np.concatenate([[True], np.diff(falling) < 0])
    if decreasing.sum() < 2:
        raise RelscaleError("the loss does not fall with more target data: the multiplier is undefined")
    curve = PchipInterpolator(falling[decreasing][::-1], np.log(amounts[decreasing])[::-1])
    return curve, (
        float(falling[decreasing].min()),
        float(falling[decreasing].max()),
        float(amounts[decreasing][0]),
        float(amounts[decreasing][-1]),
    )


def _limits(
    data: Array, loss: Array, of_mixture: Array, mixture: Array, noise: float, rng: np.random.Generator
) -> tuple[list[Limits], str]:
    """Percentiles of m under draws of the noise of all runs, and a note on draws without a curve.

    A limit is None if m is beyond the data in too many draws.
    """
    drawn = []
    for _ in range(DRAWS):
        try:
            curve, ends = _target_curve(data, loss * np.exp(noise * rng.standard_normal(len(loss))))
        except RelscaleError:
            continue
        y = mixture * np.exp(noise * rng.standard_normal(len(mixture)))
        log_m = curve(np.clip(y, ends[0], ends[1])) - np.log(of_mixture)
        drawn.append(np.where(y < ends[0], np.inf, np.where(y > ends[1], -np.inf, log_m)))
    undefined = f"{DRAWS - len(drawn)} of {DRAWS} draws are undefined" if len(drawn) < DRAWS else ""
    if len(drawn) < ENOUGH_DRAWS * DRAWS:
        return [(None, None)] * len(mixture), f"no interval: {undefined}"
    limits = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0, method="nearest")
    low, high = ([float(np.exp(limit)) if np.isfinite(limit) else None for limit in side] for side in limits)
    return list(zip(low, high, strict=True)), undefined


def _multiplier(
    curve: Callable[[Array], Array], ends: tuple[float, float, float, float], loss: float, unique: float
) -> tuple[float | None, str | None]:
    if loss < ends[0]:
        return None, f"beyond the data: more than {ends[3] / unique:.3g}"
    if loss > ends[1]:
        return None, f"beyond the data: less than {ends[2] / unique:.3g}"
    return float(np.exp(curve(np.array(loss)) - np.log(unique))), None
