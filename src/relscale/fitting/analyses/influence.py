"""Leave-one-out influence: the line refitted without each budget, training run or run.

The unit that is left out is

* a whole training run, if points are checkpoints of shared training runs;
* a budget, if budgets have one or several points;
* else one point.

The estimand is that of the verdict: the population of items if items were resampled, else these items (column
``estimand``).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference.bootstrap.schemes import members
from relscale.fitting.inference.case_deletion import (
    items_without,
    lines_without,
    over_left_out,
    over_trainings,
)
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.line_with_intervals import (
    LineWithIntervals,
    curve_items,
    estimands,
    with_intervals,
)
from relscale.fitting.inference.log_log_lines import SMALLEST, curve_lines, lines
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Status
from relscale.fitting.verdicts.adjusted_verdicts import verdict_of_line
from relscale.fitting.verdicts.verdict import Options as VerdictOptions
from relscale.fitting.verdicts.verdict import Verdict
from relscale.storage.rows import column, fields_of


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluenceRow(CurveKey):
    """One row per curve and left-out unit: the exponent fitted without it."""

    parameter: str = column("The exponent: Δβ of a ratio, β of an error.")
    estimand: Estimand = column(
        "What intervals, p-values and verdicts generalise over, as in the table verdicts."
    )
    without: str = column("The budget, training run or run that is left out.")
    training_flops: float | None = column(
        "Geometric mean of the compute of the left-out points.", "FLOPs", default=None
    )
    value: float | None = column("The exponent without them.", default=None)
    low: float | None = column("Lower limit of the interval.", default=None)
    high: float | None = column("Upper limit of the interval.", default=None)
    level: float = column("Confidence level of the interval.")
    p_value: float | None = column("Two-sided p-value under the null hypothesis of no effect.", default=None)
    p_bh: float | None = column(
        "For Δβ: the p-value adjusted (Benjamini–Hochberg) over all gaps with the same points left out.",
        default=None,
    )
    verdict: Verdict | None = column(
        "For Δβ: the verdict without them, by the adjusted p-value.", default=None
    )
    change: float | None = column("The value minus that from all points.", default=None)
    carries: bool | None = column(
        "For Δβ: whether the gap has a direction (table verdicts) with all points but not without these; for an "
        "error: whether β is significant with all points but not without these; null if either is unknown.",
        default=None,
    )
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.", default=None)


TABLE, ROW = "influence", InfluenceRow
FAMILY = ("experiment", "suite", "prompt", "metric", "contrast", "estimand", "without")

MOST = 1000  # training runs that are left out in turn: each line needs all the others
NOT_SHOWN = f"not left out individually; only the {MOST} most influential training runs are"


def rows(curves: Curves, settings: Settings) -> Iterator[InfluenceRow]:
    """One row per curve and left-out unit: Δβ of a ratio, or β of an error, fitted to all other points."""
    if not curves.keys or not curves.points:
        return
    level, margin = settings.level, settings.of(VerdictOptions).equivalence_margin
    labels = units_of(curves)
    units = list(dict.fromkeys(labels))
    unit = members(labels)
    shown = np.arange(len(units))
    if curves.shared:
        full_lines = lines(curves.log_flops, curves.value, curves.noise, curves.blocks)
        reduced_lines = lines_without(curves.log_flops, curves.value, curves.noise, unit)
        shown = _most_moving(reduced_lines.slope - full_lines.slope)

    law = curves.law
    flops = np.exp(np.bincount(unit, curves.log_flops) / np.bincount(unit))[shown]
    for j, (key, estimand) in enumerate(zip(curves.keys, estimands(curves), strict=True)):
        common = {**fields_of(key), "parameter": law.slope, "level": level, "estimand": estimand}
        curve = curves.select(np.arange(len(curves.keys)) == j)
        full, without = _with_deletions(curve, estimand, unit, shown, level)
        full_p, without_p = full.slope.p_value, without.slope.p_value
        has_value = np.bincount(unit, np.isfinite(curves.value[:, j]))[shown] > 0
        problems = zip(unit, curves.status[:, j], strict=True) if not has_value.all() else ()
        reasons = {u: remark for u, remark in reversed([*problems]) if remark != OK}  # the first of each unit
        for w, number in enumerate(shown):
            cells = common | {"without": units[number], "training_flops": flops[w]}
            if not has_value[w]:
                reason = reasons[number]
                yield InfluenceRow(**cells, status=Status.NOT_FITTED, note=f"{Status.NOT_FITTED}: {reason}")
                continue
            low, high = sorted(law.sign * limit[w, 0] for limit in (without.slope.low, without.slope.high))
            verdict, carries = None, None
            if curves.quantity == RATIO:
                verdict = verdict_of_line(without, (w, 0), without_p, level, margin)
            else:
                carries = _loses_direction(
                    _is_significant(full_p[0], 1 - level), _is_significant(without_p[w, 0], 1 - level)
                )
            yield InfluenceRow(
                **cells,
                value=law.sign * without.slope.value[w, 0],
                low=low,
                high=high,
                p_value=without_p[w, 0],
                change=law.sign * (without.slope.value[w, 0] - full.slope.value[0]),
                verdict=verdict,
                carries=carries,
                **fields_of(without.remark(w, 0)),
            )
        others = len(units) - len(shown)
        if others:
            yield InfluenceRow(
                **common, without=f"{others} other trainings", status=Status.NOT_SHOWN, note=NOT_SHOWN
            )


def _with_deletions(
    curve: Curves, estimand: Estimand, unit: NDArray[np.int64], shown: NDArray[np.int64], level: float
) -> tuple[LineWithIntervals, LineWithIntervals]:
    """The line of one curve (1,), and those without each of the units ``shown`` (W, 1)."""
    x, y = curve.log_flops, curve.value
    full = curve_lines(curve)
    without = lines_without(x, y, curve.noise, unit)
    if curve.without is not None:
        without = over_left_out(without, curve, unit, shown)
    elif curve.shared:
        without = over_trainings(without, x, y, unit, shown)
    if estimand != Estimand.ITEM_POPULATION:
        return with_intervals(full, level), with_intervals(without, level)
    of_items = items_without(curve, without, unit, shown)
    return with_intervals(full, level, curve_items(curve, full)), with_intervals(without, level, of_items)


def _most_moving(change: Floats) -> NDArray[np.int64]:
    """At most ``MOST`` units whose omission changes a slope the most, relative to the changes of its curve."""
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.nan_to_num(np.abs(change) / np.nanmax(np.abs(change), axis=0, initial=0)).max(axis=1)
    return np.sort(np.argsort(-size, kind="stable")[:MOST])


def units_of(curves: Curves) -> list[str]:
    """(P,) the unit of each point: a training run, a budget, or a single run."""
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


def _is_significant(p_value: float, limit: float) -> bool | None:
    return None if np.isnan(p_value) else bool(p_value < limit)


def _loses_direction(before: bool | None, after: bool | None) -> bool | None:
    return None if before is None or after is None else before and not after
