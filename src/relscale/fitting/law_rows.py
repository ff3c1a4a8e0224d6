"""Rows of the laws that are lines in logs: both parameters, both estimands, many series at once."""

from typing import Any

import numpy as np

from relscale.fitting import interval
from relscale.fitting.curves import Curves
from relscale.fitting.direction import direction
from relscale.fitting.frontier import Point
from relscale.fitting.last_stage import SMALLEST, Lines, lines
from relscale.fitting.metrics import VALIDATION
from relscale.fitting.settings import Settings
from relscale.laws import relative
from relscale.laws.loglog import LogLogLaw

Row = dict[str, Any]

VALIDATION_LOSS = "validation loss"  # the estimand of what is fitted to it
NO_SLOPE = "no spread of compute to fit a slope to"
NO_REPLICATES = "no item replicates"


def law_rows(law: LogLogLaw, curves: Curves, chosen: Settings) -> list[Row]:
    """Rows of a law that is a line in logs: both parameters and each estimand of every curve."""
    if not curves.keys:
        return []
    estimate = lines(curves.log_flops, curves.value, curves.noise)
    status = [status_of(curves, j) for j in range(len(curves.keys))]
    rows = _rows(law, curves.keys, estimate, None, status, chosen.level)
    if curves.replicates.shape[-1]:
        items = interval.item_lines(curves.log_flops, curves.value, curves.replicates, estimate)
        rows += _rows(law, curves.keys, estimate, items, status, chosen.level)
    return rows


def _rows(
    law: LogLogLaw,
    keys: list[Row],
    estimate: Lines,
    items: interval.ItemLines | None,
    status: list[str],
    level: float,
) -> list[Row]:
    """Both parameters for one estimand: the population of the items where ``items`` is given, else these items."""
    estimand = interval.THESE_ITEMS if items is None else interval.ITEM_POPULATION
    slope = interval.slope(estimate, level, items)
    ends = (estimate.low, estimate.reference, estimate.high)
    at_low, at_reference, at_high = (interval.level_at(estimate, at, level, items) for at in ends)
    slope_p, reference_p = slope.p_value, at_reference.p_value
    rows: list[Row] = []
    for j, key in enumerate(keys):
        on_loss = key["suite"] == VALIDATION[0]
        if on_loss and items is not None:
            continue
        known = bool(np.isfinite(slope.low[j]))
        common = key | {
            "law": law.name,
            "predictor": "training_flops",
            "level": level,
            "df": estimate.df[j] if known else None,
            "scheme": interval.SCHEMES[estimand],
            "estimand": VALIDATION_LOSS if on_loss else estimand,
            "n": int(estimate.n[j]),
            "reference_flops": np.exp(estimate.reference[j]),
            "flops_low": np.exp(estimate.low[j]),
            "flops_high": np.exp(estimate.high[j]),
            "status": status[j]
            if known or status[j] != "ok"
            else NO_SLOPE
            if items is None
            else NO_REPLICATES,
        }
        low, high = sorted((law.sign * slope.low[j], law.sign * slope.high[j]))
        of_slope = {
            "parameter": law.slope,
            "value": law.sign * slope.value[j],
            "stderr": slope.stderr[j],
            "low": low,
            "high": high,
            "p_value": slope_p[j],
        }
        of_level = {
            "parameter": law.level,
            "value": np.exp(at_reference.value[j]),
            "stderr": np.exp(at_reference.value[j]) * at_reference.stderr[j],
            "low": np.exp(at_reference.low[j]),
            "high": np.exp(at_reference.high[j]),
        }
        if law is relative.LINE:
            limits = [(at.low[j], at.high[j]) for at in (at_low, at_reference, at_high)]
            of_slope["direction"] = direction((low, high), limits)
            of_level["p_value"] = reference_p[j]  # of no gap, G = 1
        rows += [common | of_slope, common | of_level]
    return rows


def status_of(curves: Curves, j: int) -> str:
    """What a reader of a fit must know: "ok", or how many of its points there are, and why not the others."""
    lost = [
        f"{_label(point)}: {reason}"
        for point, reason in zip(curves.points, curves.status[:, j], strict=True)
        if reason != "ok"
    ]
    used = len(curves.points) - len(lost)
    reasons = f" ({'; '.join(lost)})" if lost else ""
    if used < SMALLEST:
        return f"{used} points, and an interval needs {SMALLEST}{reasons}"
    if lost:
        return f"fitted on {used} of {len(curves.points)} points{reasons}"
    return "points share training runs, so they are not independent" if curves.shared else "ok"


def _label(point: Point) -> str:
    return point.run if point.run is not None else f"{point.budget:g} FLOPs"
