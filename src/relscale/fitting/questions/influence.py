"""Which budget alone carries the result? The line without each budget, training or run in turn.

What is left out at once is

* a whole training, where points are checkpoints of shared trainings;
* a budget, where there are several points of one, or its point where each budget has one;
* else one point.

Every question is asked of these items: runs vary, items are as they are.
"""

from typing import Any

import numpy as np

from relscale.fitting.curves import RATIO, Curves
from relscale.fitting.direction import CLOSES, WIDENS
from relscale.fitting.last_stage import SMALLEST
from relscale.fitting.questions.trend import trend
from relscale.fitting.settings import Settings
from relscale.laws import power, relative

Row = dict[str, Any]


def influence_rows(curves: Curves, chosen: Settings) -> list[Row]:
    """A row for each curve and what is left out: Δβ of a ratio, or β of an error, on all other points.

    ``change`` is the value less that of all points. ``carries``: the gap's direction over the fitted range (of an
    error: whether β is not 0) is clear with all points and not without these; null where either is not known.
    """
    if not curves.keys or not curves.points:
        return []
    labels = left_out(curves)
    units = list(dict.fromkeys(labels))
    member = np.array([[label == unit for unit in units] for label in labels])  # (P, U)
    y = np.where(member[:, None, :], np.nan, curves.value[:, :, None])
    noise = np.broadcast_to(curves.noise[:, :, None], y.shape)
    whole = trend(curves.log_flops, curves.value, curves.noise, curves.blocks, chosen.level)
    without = trend(curves.log_flops, y, noise, curves.blocks, chosen.level)
    whole_p, without_p = whole.slope.p_value, without.slope.p_value

    law = relative.LINE if curves.quantity == RATIO else power.LINE
    used = np.isfinite(curves.value).astype(int).T @ member  # (J, U) points of a curve that go with the unit
    flops = [np.exp(curves.log_flops[member[:, u]].mean()) for u in range(len(units))]
    rows: list[Row] = []
    for j, key in enumerate(curves.keys):
        for u, unit in enumerate(units):
            row = key | {
                "parameter": law.slope,
                "left_out": unit,
                "training_flops": flops[u],
                "level": chosen.level,
            }
            rows.append(row)
            if not used[j, u]:
                reason = next(status for status in curves.status[member[:, u], j] if status != "ok")
                row["status"] = f"not part of the fit: {reason}"
                continue
            low, high = sorted(law.sign * limit[j, u] for limit in (without.slope.low, without.slope.high))
            row |= {
                "status": without.status(j, u),
                "value": law.sign * without.slope.value[j, u],
                "low": low,
                "high": high,
                "p_value": without_p[j, u],
                "change": law.sign * (without.slope.value[j, u] - whole.slope.value[j]),
            }
            if curves.quantity == RATIO:
                row["direction"] = without.direction(j, u)
                row["carries"] = _lost(_clear(whole.direction(j)), _clear(row["direction"]))
            else:
                limit = 1 - chosen.level
                row["carries"] = _lost(_below(whole_p[j], limit), _below(without_p[j, u], limit))
    return rows


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
