"""Rows of the laws that are lines in logs: both parameters, both estimands, many series at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference import interval
from relscale.fitting.inference.bootstrap.blocks import block_lines, block_sums
from relscale.fitting.inference.bootstrap.limits import SYMMETRIC, label
from relscale.fitting.inference.bootstrap.schemes import BLOCK, members, weights
from relscale.fitting.inference.direction import direction
from relscale.fitting.inference.log_log_lines import SMALLEST, Lines, curve_lines
from relscale.fitting.settings import Settings
from relscale.laws import relative
from relscale.laws.loglog import LogLogLaw
from relscale.measurements.metric import VALIDATION

Row = dict[str, Any]

VALIDATION_LOSS = "validation loss"  # the estimand of what is fitted to it
NO_SLOPE = "no spread of compute to fit a slope to"
NO_REPLICATES = "no item replicates"
TOO_WIDE = "a limit is beyond what a number can hold"
NO_SCATTER = "every point lies on the line: no scatter to judge it by"
MOST_TOLD = 4  # points of which a status says why they are left out, before it only counts
EXACT = 1e-12  # of ln E; scatter that is rounding alone
BLOCK_TAG = 41  # of the random numbers of the block bootstrap


def law_rows(law: LogLogLaw, curves: Curves, chosen: Settings) -> list[Row]:
    """Rows of a law that is a line in logs: both parameters and each estimand of every curve.

    These items: the t interval of the last stage. Where points are checkpoints of shared trainings it is a block
    bootstrap by trajectory, symmetric studentised on the jackknife over trajectories; with fewer than
    ``interval.ENOUGH_BLOCKS`` of them too few draws differ, and it is the jackknife's t interval, which covers as
    well with many too (the table is in ``inference.bootstrap.blocks``).

    Item population: in both cases runs and items, their interaction counted once (``inference.interval``).
    """
    if not curves.keys:
        return []
    estimate = curve_lines(curves)
    status = [status_of(curves, j) for j in range(len(curves.keys))]
    intervals = _bootstrapped if _enough(estimate) else _student
    rows = _rows(
        law, curves, estimate, interval.THESE_ITEMS, intervals(curves, estimate, chosen), status, chosen
    )
    if curves.replicates.shape[-1]:
        items = interval.item_lines(
            curves.log_flops, curves.value, curves.replicates, estimate, curves.blocks
        )
        found = _student(curves, estimate, chosen, items)
        rows += _rows(law, curves, estimate, interval.ITEM_POPULATION, found, status, chosen)
    return rows


@dataclass(frozen=True)
class _Intervals:
    """Of the slopes, and of the lines at the least, the mean and the largest compute; and what they are called."""

    slope: interval.Interval
    ends: tuple[interval.Interval, interval.Interval, interval.Interval]
    scheme: str


def _enough(estimate: Lines) -> bool:
    """Whether points share trainings, and each curve rests on enough of these for a bootstrap."""
    return estimate.blocks is not None and bool((estimate.blocks >= interval.ENOUGH_BLOCKS).all())


def _contrasts(estimate: Lines) -> list[tuple[float, Floats | float]]:
    """Slope, and level at the least, the mean and the largest compute, as ``a·level + b·slope``."""
    ends = (estimate.low, estimate.reference, estimate.high)
    return [(0.0, 1.0), *((1.0, x - estimate.reference) for x in ends)]


def _student(
    curves: Curves, estimate: Lines, chosen: Settings, items: interval.ItemLines | None = None
) -> _Intervals:
    slope, *ends = (interval.contrast(estimate, a, b, chosen.level, items) for a, b in _contrasts(estimate))
    schemes = interval.SCHEMES_OF_BLOCKS if curves.shared else interval.SCHEMES
    estimand = interval.THESE_ITEMS if items is None else interval.ITEM_POPULATION
    return _Intervals(slope, (ends[0], ends[1], ends[2]), schemes[estimand])


def _bootstrapped(curves: Curves, estimate: Lines, chosen: Settings) -> _Intervals:
    rng = np.random.default_rng([chosen.seed, BLOCK_TAG])
    z = curves.log_flops[:, None] - estimate.reference
    block = members(curves.blocks)
    sums = block_sums(z, curves.value, block)
    number = sums.shape[1]
    draws = block_lines(sums, weights(BLOCK, number, chosen.bootstrap, rng, blocks=range(number)))
    slope, *ends = (
        interval.bootstrapped(estimate, draws, a, b, chosen.level) for a, b in _contrasts(estimate)
    )
    scheme = label(BLOCK, SYMMETRIC, chosen.bootstrap, max(one.failed for one in (slope, *ends)))
    return _Intervals(slope, (ends[0], ends[1], ends[2]), scheme)


def _rows(
    law: LogLogLaw,
    curves: Curves,
    estimate: Lines,
    estimand: str,
    found: _Intervals,
    status: list[str],
    chosen: Settings,
) -> list[Row]:
    """Both parameters of every curve for one estimand."""
    slope, (at_low, at_reference, at_high) = found.slope, found.ends
    slope_p, reference_p = slope.p_value, at_reference.p_value
    correlation = law.sign * _correlation(estimate, found)
    rows: list[Row] = []
    for j, key in enumerate(curves.keys):
        on_loss = key["suite"] == VALIDATION.suite
        if on_loss and estimand == interval.ITEM_POPULATION:
            continue
        known = bool(np.isfinite(slope.low[j]))
        common = key | {
            "law": law.name,
            "predictor": "training_flops",
            "level": chosen.level,
            "df": estimate.df[j] if known else None,
            "correlation": correlation[j],
            "scheme": found.scheme,
            "estimand": VALIDATION_LOSS if on_loss else estimand,
            "n": int(estimate.n[j]),
            "reference_flops": np.exp(estimate.reference[j]),
            "flops_low": np.exp(estimate.low[j]),
            "flops_high": np.exp(estimate.high[j]),
            "status": status[j] if status[j] != "ok" else _status(estimate, estimand, slope, j),
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
        if known and common["status"] == "ok" and not np.isfinite([of_level["low"], of_level["high"]]).all():
            of_level["status"] = TOO_WIDE
        rows += [common | of_slope, common | of_level]
    return rows


def _correlation(estimate: Lines, found: _Intervals) -> Floats:
    """Of the line's level at the mean of ln F and its slope s, from the variances at both ends.

    ``V(z) = V_level + 2 C z + V_s z²`` at distance z from the mean, so that the difference of two gives C. It is 0
    where all points have one variance, and is not under a jackknife over trainings, nor with the items' variance.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        low, level, high = (end.stderr for end in found.ends)
        z, w = estimate.low - estimate.reference, estimate.high - estimate.reference
        covariance = ((high**2 - low**2) / (w - z) - found.slope.stderr**2 * (w + z)) / 2
        return np.clip(covariance / (level * found.slope.stderr), -1, 1)


def _status(estimate: Lines, estimand: str, slope: interval.Interval, j: int) -> str:
    """Of an interval all of whose points are well."""
    few = interval.too_few_blocks(estimate, j)
    if few:
        return few
    if slope.status is not None:
        return str(slope.status[j])
    if np.isfinite(slope.low[j]):
        exact = estimate.variance[j] <= (EXACT * max(1.0, abs(estimate.level[j]))) ** 2
        return NO_SCATTER if exact else "ok"
    return NO_SLOPE if estimand == interval.THESE_ITEMS else NO_REPLICATES


def status_of(curves: Curves, j: int) -> str:
    """What a reader of a fit must know: "ok", or how many of its points there are, and why not the others."""
    lost = [
        f"{_label(point)}: {reason}"
        for point, reason in zip(curves.points, curves.status[:, j], strict=True)
        if reason != "ok"
    ]
    used = len(curves.points) - len(lost)
    more = f"; and {len(lost) - MOST_TOLD} more" if len(lost) > MOST_TOLD else ""
    reasons = f" ({'; '.join(lost[:MOST_TOLD])}{more})" if lost else ""
    if used < SMALLEST:
        return f"{used} points, and an interval needs {SMALLEST}{reasons}"
    if lost:
        return f"fitted on {used} of {len(curves.points)} points{reasons}"
    return _copies(curves) or "ok"


def _copies(curves: Curves) -> str:
    """Two runs whose numbers are all the same; empty where there are none."""
    if len(np.unique(curves.log_flops)) == len(curves.points) or np.nanmax(np.ptp(curves.value, axis=0)) == 0:
        return ""
    numbers = np.column_stack([curves.log_flops, np.nan_to_num(curves.value)])
    _, which, count = np.unique(numbers, axis=0, return_inverse=True, return_counts=True)
    if count.max() == 1:
        return ""
    copied = int(np.argmax(count))
    one, other = (_label(curves.points[i]) for i in np.flatnonzero(which.ravel() == copied)[:2])
    return f"{one} and {other} are alike in every number: a copy counts as a run of its own"


def _label(point: Point) -> str:
    return point.run if point.run is not None else f"{point.budget:g} FLOPs"
