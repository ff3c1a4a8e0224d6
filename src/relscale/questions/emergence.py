"""Does a task follow the task scaling law, or does it emerge faster? The curvature of ln(−ln rate) over ln scale.

    −ln rate = c · N^(−α)    a straight line;    bent up: several steps must pass;    bent down: one of several suffices

The curvature has to be significant by the sampling error of the rates and by the scatter of the models around the
parabola. Several rates at one scale are pooled over their draws. Rates of 0 and 1 have no ln(−ln rate) and are excluded
and counted; nothing is clipped.

Source: Hu et al., *Predicting Emergent Abilities with Infinite Resolution Evaluation*, arXiv 2310.03262.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from relscale.confidence import LEVEL, check_level
from relscale.errors import RelscaleError
from relscale.laws.law import Array
from relscale.measurements.pass_rates import Emergence, bend, emergence
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergenceRow:
    """One row per task."""

    task: str = column("The task.")
    points: int = column("Number of scales with a rate above 0 and below 1.")
    left_out: int = column("Number of scales with a rate of 0 or 1, which are excluded.")
    least_bend: float | None = column(
        "The smallest second difference of ln(−ln rate) in ln scale.", default=None
    )
    largest_bend: float | None = column("The largest.", default=None)
    emergence: Emergence | None = column("Verdict on the curvature, by its standard errors.", default=None)
    note: str | None = column("Reason for a missing verdict.", default=None)


ROW = EmergenceRow


def rows(
    table: Columns, *, scale: str, rate: str, draws: str, task: str = "", level: float = LEVEL
) -> Iterator[EmergenceRow]:
    """The curvature of each task.

    Parameters
    ----------
    scale
        Column of parameters or compute.
    rate
        Column of the pass rate.
    draws
        Column of the number of draws behind a rate.
    task
        Column of the task.
    level
        Confidence level of the test of curvature.

    Raises
    ------
    RelscaleError
        A column is missing or not numeric.
    """
    check_level(level)
    table = table.without_blanks((scale, rate, draws), (task,))
    sizes, rates, n_draws, names = (
        table.positive(scale),
        table.numbers(rate),
        table.positive(draws),
        table.labels(task),
    )
    if ((rates < 0) | (rates > 1)).any():
        raise RelscaleError(f"column {rate!r} has values outside 0 to 1, which are not rates")
    for name in dict.fromkeys(names):
        selected = (names == name) & np.isfinite(rates) & np.isfinite(sizes) & np.isfinite(n_draws)
        at, mean, of = pooled(sizes[selected], rates[selected], n_draws[selected])
        inner = (mean > 0) & (mean < 1)
        bends = bend(at[inner], mean[inner]) if inner.sum() > 2 else np.empty(0)
        enough = inner.sum() > 3
        yield EmergenceRow(
            task=str(name),
            points=int(inner.sum()),
            left_out=int((~inner).sum()),
            least_bend=float(bends.min()) if len(bends) else None,
            largest_bend=float(bends.max()) if len(bends) else None,
            emergence=emergence(at[inner], mean[inner], of[inner], level) if enough else None,
            note=None if enough else "fewer than four rates are between 0 and 1",
        )


def pooled(scale: Array, rate: Array, draws: Array) -> tuple[Array, Array, Array]:
    """The scales, ascending, and the pooled rate and number of draws at each."""
    at, place = np.unique(scale, return_inverse=True)
    of = np.asarray(np.bincount(place, draws, len(at)), dtype=float)
    return at, np.bincount(place, rate * draws, len(at)) / of, of
