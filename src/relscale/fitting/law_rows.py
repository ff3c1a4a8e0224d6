"""Rows of the laws that are lines in logs: both parameters, both estimands, many series at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.fitting import interval
from relscale.fitting.direction import direction
from relscale.fitting.frontier import Point
from relscale.fitting.ladder import Floats
from relscale.fitting.last_stage import SMALLEST, Lines, lines
from relscale.fitting.metrics import VALIDATION
from relscale.laws import relative
from relscale.laws.loglog import LogLogLaw

Row = dict[str, Any]

VALIDATION_LOSS = "validation loss"  # the estimand of what is fitted to it
NO_SLOPE = "no spread of compute to fit a slope to"
NO_REPLICATES = "no item replicates"


def law_rows(
    law: LogLogLaw,
    keys: list[Row],
    data: tuple[Floats, Floats, Floats, Floats],
    status: list[str],
    level: float,
) -> list[Row]:
    """Rows of a law that is a line in logs, for J series or pairs at once.

    Parameters
    ----------
    keys
        What each series or pair is: suite, group and so on.
    data
        Log compute (P,), log values and the noise of their runs (P, J), and replicates of the log values (P, J, B).
    status
        Of each series or pair.
    """
    if not keys:
        return []
    x, y, noise, replicates = data
    estimate = lines(x, y, noise)
    rows = _rows(law, keys, estimate, None, status, level)
    if replicates.shape[-1]:
        items = interval.item_lines(x, y, replicates, estimate)
        rows += _rows(law, keys, estimate, items, status, level)
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
        if law is relative.LAW:
            limits = [(at.low[j], at.high[j]) for at in (at_low, at_reference, at_high)]
            of_slope["direction"] = direction((low, high), limits)
            of_level["p_value"] = reference_p[j]  # of no gap, G = 1
        rows += [common | of_slope, common | of_level]
    return rows


def status_of(points: list[Point], status: NDArray[np.object_], shared: bool) -> str:
    """What a reader of a fit must know: "ok", or how many of its points there are, and why not the others."""
    lost = [
        f"{_label(point)}: {reason}" for point, reason in zip(points, status, strict=True) if reason != "ok"
    ]
    used = len(points) - len(lost)
    reasons = f" ({'; '.join(lost)})" if lost else ""
    if used < SMALLEST:
        return f"{used} points, and an interval needs {SMALLEST}{reasons}"
    if lost:
        return f"fitted on {used} of {len(points)} points{reasons}"
    return "points share training runs, so they are not independent" if shared else "ok"


def _label(point: Point) -> str:
    return point.run if point.run is not None else f"{point.budget:g} FLOPs"
