"""Which budget alone carries the result? The line without each budget, training or run in turn.

What is left out at once is

* a whole training, where points are checkpoints of shared trainings;
* a budget, where there are several points of one, or its point where each budget has one;
* else one point.

Every question is asked of these items: runs vary, items are as they are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference.bootstrap.schemes import members
from relscale.fitting.inference.case_deletion import lines_without, over_trainings
from relscale.fitting.inference.direction import CLOSES, WIDENS
from relscale.fitting.inference.line_with_intervals import trend, trend_of
from relscale.fitting.inference.log_log_lines import SMALLEST
from relscale.fitting.settings import Settings
from relscale.laws import power, relative

Row = dict[str, Any]

MOST = 1000  # trainings that are left out in turn: the line without each needs all the others
NOT_SHOWN = f"not left out one by one: the {MOST} trainings are whose absence moves a slope the most"


def influence_rows(curves: Curves, chosen: Settings) -> list[Row]:
    """A row for each curve and what is left out: Δβ of a ratio, or β of an error, on all other points.

    ``change`` is the value less that of all points. ``carries``: the gap's direction over the fitted range (of an
    error: whether β is not 0) is clear with all points and not without these; null where either is not known.
    """
    if not curves.keys or not curves.points:
        return []
    labels = left_out(curves)
    units = list(dict.fromkeys(labels))
    unit = members(labels)
    whole = trend(curves.log_flops, curves.value, curves.noise, curves.blocks, chosen.level)
    lines = lines_without(curves.log_flops, curves.value, curves.noise, unit)
    shown = np.arange(len(units))
    if curves.shared:
        shown = _most_moving(lines.slope - whole.slope.value)
        lines = over_trainings(lines, curves.log_flops, curves.value, unit, shown)
    without = trend_of(lines, chosen.level)
    whole_p, without_p = whole.slope.p_value, without.slope.p_value

    law = relative.LINE if curves.quantity == RATIO else power.LINE
    points = _points_of(unit, shown)
    flops = [np.exp(curves.log_flops[own].mean()) for own in points]
    rows: list[Row] = []
    for j, key in enumerate(curves.keys):
        common = key | {"parameter": law.slope, "level": chosen.level}
        for w, own in enumerate(points):
            row = common | {"left_out": units[shown[w]], "training_flops": flops[w]}
            rows.append(row)
            reasons = curves.status[own, j]
            if not np.isfinite(curves.value[own, j]).any():
                reason = next(status for status in reasons if status != "ok")
                row["status"] = f"not part of the fit: {reason}"
                continue
            low, high = sorted(law.sign * limit[w, j] for limit in (without.slope.low, without.slope.high))
            row |= {
                "status": without.status(w, j),
                "value": law.sign * without.slope.value[w, j],
                "low": low,
                "high": high,
                "p_value": without_p[w, j],
                "change": law.sign * (without.slope.value[w, j] - whole.slope.value[j]),
            }
            if curves.quantity == RATIO:
                row["direction"] = without.direction(w, j)
                row["carries"] = _lost(_clear(whole.direction(j)), _clear(row["direction"]))
            else:
                limit = 1 - chosen.level
                row["carries"] = _lost(_below(whole_p[j], limit), _below(without_p[w, j], limit))
        others = len(units) - len(shown)
        if others:
            rows.append(common | {"left_out": f"{others} other trainings", "status": NOT_SHOWN})
    return rows


def _most_moving(change: Floats) -> NDArray[np.int64]:
    """The units, at most ``MOST``, whose absence moves a slope the most, each curve in units of its own changes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.nan_to_num(np.abs(change) / np.nanmax(np.abs(change), axis=0, initial=0)).max(axis=1)
    return np.sort(np.argsort(-size, kind="stable")[:MOST])


def _points_of(unit: NDArray[np.int64], shown: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The points of each of the units ``shown``."""
    order = np.argsort(unit, kind="stable")
    groups = np.split(order, np.searchsorted(unit[order], np.arange(1, unit.max() + 1)))
    return [groups[u] for u in shown]


def left_out(curves: Curves) -> list[str]:
    """(P,) what each point is left out with: a training, a budget, or the run alone."""
    if curves.shared:
        return list(curves.blocks)
    budgets = [point.budget for point in curves.points]
    several = SMALLEST <= len(set(budgets)) < len(budgets)
    return [
        f"{point.budget:g} FLOPs"
        if point.run is None or (several and np.isfinite(budgets).all())
        else point.run
        for point in curves.points
    ]


def _clear(direction: str | None) -> bool | None:
    return None if direction is None else direction in (CLOSES, WIDENS)


def _below(p_value: float, limit: float) -> bool | None:
    return None if np.isnan(p_value) else bool(p_value < limit)


def _lost(before: bool | None, after: bool | None) -> bool | None:
    return None if before is None or after is None else before and not after
