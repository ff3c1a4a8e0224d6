"""Verdicts of analyses with several verdicts per gap, adjusted for multiple testing over the gaps.

Each row first has the verdict by its own p-value. A verdict with a direction is kept if the adjusted p-value
(Benjamini–Hochberg) is below 1 − level too; else the gap is flat or not resolved, as in ``verdict``.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference.direction import Direction, sign_of
from relscale.fitting.inference.interval import Interval
from relscale.fitting.inference.line_with_intervals import LineWithIntervals
from relscale.fitting.inference.multiplicity import adjusted
from relscale.fitting.keys import key_of
from relscale.fitting.verdicts.verdict import DIRECTIONS, Verdict, change_per_tenfold, verdict


def verdict_of_line(
    line: LineWithIntervals, at: tuple[int, ...], p_value: Floats, level: float, margin: float
) -> Verdict | None:
    """The verdict on the gap whose logarithm is line ``at``, by its own p-value; None without an interval."""
    first, last = (sign_of((end.low[at], end.high[at])) for end in (line.ends[0], line.ends[-1]))
    return verdict_of_slope(line.slope, at, p_value, line.direction(*at), first * last < 0, level, margin)


def verdict_of_slope(
    slope: Interval,
    at: tuple[int, ...],
    p_value: Floats,
    direction: Direction | None,
    crosses: bool,
    level: float,
    margin: float,
) -> Verdict | None:
    """The verdict by the slope ``at``, its direction, and whether G is clearly on one side of 1 at the smallest compute
    and on the other at the largest.
    """
    p = None if np.isnan(p_value[at]) else float(p_value[at])
    crossing = (1.0, 1.0) if crosses else (None, None)
    change = change_per_tenfold(slope.low[at]), change_per_tenfold(slope.high[at])
    return verdict(p, level, direction, crossing, (1.0, 1.0), change, margin)


def with_adjusted_verdicts(rows: Sequence[Any], family: Sequence[str], margin: float) -> list[Any]:
    """Rows with ``p_bh`` and the verdict by it.

    Parameters
    ----------
    rows
        Rows of a type with ``p_value``, ``p_bh``, ``verdict``, ``low``, ``high`` and ``level``.
    family
        The columns whose equal values mark rows with jointly adjusted p-values.
    """
    families = [key_of(row, family) for row in rows]
    p_bh, _ = adjusted([None if row.verdict is None else row.p_value for row in rows], families)
    return [
        row if row.verdict is None else replace(row, p_bh=float(p), verdict=_adjusted(row, float(p), margin))
        for row, p in zip(rows, p_bh, strict=True)
    ]


def _adjusted(row: Any, p: float, margin: float) -> Verdict | None:
    if row.verdict not in DIRECTIONS or p < 1 - row.level:
        unchanged: Verdict | None = row.verdict
        return unchanged
    change = change_per_tenfold(row.low), change_per_tenfold(row.high)
    return verdict(p, row.level, None, (None, None), (None, None), change, margin)
