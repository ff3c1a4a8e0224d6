"""Crossing of two curves: the compute at which G = 1, with Fieller's confidence set.

    ln G(F) = level + slope · z = 0    at    z = −level / slope,    z = ln F − reference

A ratio of two estimates has no meaningful standard error if its denominator may be 0. Its confidence set is Fieller's:
all computes at which the interval of ln G contains 0. With quantile k and covariance V of level and slope these are the
z with

    (level + slope·z)² ≤ k² · (V_level + 2z·C + z²·V_slope),

a bounded range if the slope is significant, else two rays or the whole line. To be consistent with any interval of the
line (points of unequal noise, shared training runs, population of the items), its ends are computed from that interval,
by bisection, within ``reach`` times the data on either side. A set that extends beyond has no limit on that side.

Source: Fieller, *Some problems in interval estimation*, Journal of the Royal Statistical Society B 16, 1954.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from relscale.experiments.section import Section
from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference import interval
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.line_with_intervals import curve_items
from relscale.fitting.inference.log_log_lines import Lines, curve_lines
from relscale.fitting.inference.method import Method, described
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.inference.points_remark import points_remark
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status, together
from relscale.laws import relative
from relscale.measurements.metric import VALIDATION
from relscale.storage.rows import fields_of

TABLE, ROW = "fits", ParameterRow

PARAMETER = "crossing_flops"
GRID = 400  # computes at which the set is searched before its ends are found by bisection
BISECTIONS = 50


class Options(Section):
    """Options of the search for a crossing."""

    reach: float = Field(
        default=100.0,
        ge=1,
        description="Range of the search for the crossing of two curves, as a factor of compute beyond the data.",
    )


@dataclass(frozen=True)
class Crossing:
    """Crossing of two curves, with limits; None if the set is unbounded, or there is no crossing in the search
    range."""

    value: float | None
    low: float | None
    high: float | None
    remark: Remark


def rows(curves: Curves, settings: Settings) -> Iterator[ParameterRow]:
    """One row per ratio and estimand: the compute at which the two curves cross, with Fieller's limits.

    A limit is null if the set extends beyond ``reach`` times the data, with a status. If the curves cross only beyond
    it, the value is null too: ``NOT_WITHIN_REACH``, or ``NOT_EXCLUDED`` if a crossing within reach cannot be ruled out.
    A second range of computes in the set is in the note.
    """
    if curves.quantity != RATIO or not curves.keys:
        return
    reach = settings.of(Options).reach
    estimate = curve_lines(curves)
    estimands: dict[Estimand, interval.ItemLines | None] = {Estimand.THESE_ITEMS: None}
    if curves.replicates.shape[-1]:
        estimands[Estimand.ITEM_POPULATION] = curve_items(curves, estimate)
    for estimand, items in estimands.items():
        root, ends = fieller(estimate, settings.level, reach, items)
        method = interval.method_of(estimate.blocks is not None, estimand)
        for j, key in enumerate(curves.keys):
            if key.suite == VALIDATION.suite and items is not None:
                continue
            remark = points_remark(curves, j)
            if remark == OK:
                remark = interval.too_few_blocks(estimate, j) or OK
            crossing = Crossing(None, None, None, remark)
            if remark == OK or np.isfinite(estimate.slope[j]):
                crossing = _crossing(float(root[j]), ends[j], remark)
            yield ParameterRow(
                **fields_of(key),
                law=relative.LINE.name,
                parameter=PARAMETER,
                predictor="training_flops",
                value=crossing.value,
                low=crossing.low,
                high=crossing.high,
                level=settings.level,
                method=Method.FIELLER,
                method_note=described(method),
                estimand=estimand,
                n=int(estimate.n[j]),
                reference_flops=np.exp(estimate.reference[j]),
                flops_low=np.exp(estimate.low[j]),
                flops_high=np.exp(estimate.high[j]),
                **fields_of(crossing.remark),
            )


def fieller(
    estimate: Lines, level: float, reach: float, items: interval.ItemLines | None = None
) -> tuple[Floats, list[list[tuple[float, float]] | None]]:
    """Zeros of J lines, and the sets of computes at which the interval contains 0, in ln FLOPs.

    Returns
    -------
    root
        (J,) nan if there is none within the search range.
    ranges
        For each line, the set's ranges within reach, by compute; an end is ±inf if the set extends beyond. None if the
        line has no interval.
    """
    edges = estimate.low - np.log(reach), estimate.high + np.log(reach)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = estimate.reference - estimate.level / estimate.slope
        root = np.where((edges[0] <= root) & (root <= edges[1]), root, np.nan)
    x = np.linspace(*edges, GRID)  # (GRID, J)
    x = np.sort(np.concatenate([x, np.where(np.isnan(root), edges[0], root)[None]]), axis=0)

    def inside(at: Floats) -> np.ndarray:
        ranges = interval.level_at(estimate, at, level, items)
        return (ranges.low <= 0) & (ranges.high >= 0)

    within = inside(x)
    within |= x == root  # a line without noise has a set of one point
    changes = within[1:] != within[:-1]
    most = int(changes.sum(axis=0).max(initial=0))
    # The k-th change of each line; missing ones are put at its last cell, and not used.
    cell = np.argsort(~changes, axis=0, kind="stable")[:most]
    below, above = np.take_along_axis(x, cell, axis=0), np.take_along_axis(x, cell + 1, axis=0)
    opens = np.take_along_axis(within, cell + 1, axis=0)
    for _ in range(BISECTIONS):
        middle = (below + above) / 2
        after = inside(middle) == opens
        below, above = np.where(after, below, middle), np.where(after, middle, above)
    known = np.isfinite(interval.level_at(estimate, estimate.reference, level, items).low)
    ranges: list[list[tuple[float, float]] | None] = []
    for j in range(len(root)):
        ends = [float(end) for end in above[: changes[:, j].sum(), j]]
        ends = [-np.inf] * bool(within[0, j]) + ends + [np.inf] * bool(within[-1, j])
        ranges.append(list(zip(ends[::2], ends[1::2], strict=True)) if known[j] else None)
    return root, ranges


def _crossing(root: float, ranges: list[tuple[float, float]] | None, remark: Remark) -> Crossing:
    """One crossing; ``remark`` is that on its points."""
    if ranges is None:
        return Crossing(None, None, None, Remark(Status.NO_INTERVAL) if remark == OK else remark)
    if np.isnan(root):
        outcome = Remark(Status.NOT_EXCLUDED if ranges else Status.NOT_WITHIN_REACH)
        return Crossing(None, None, None, together(outcome, remark))
    containing = next(span for span in ranges if span[0] <= root <= span[1])
    low, high = containing
    remarks = [remark]
    if np.isinf(low) and np.isinf(high):
        remarks.append(Remark(Status.OPEN_INTERVAL, "no limits within the search range"))
    elif np.isinf(low) or np.isinf(high):
        side = "lower" if np.isinf(low) else "upper"
        remarks.append(Remark(Status.OPEN_INTERVAL, f"no {side} limit within the search range"))
    for span in ranges:
        if span is not containing:
            end = f"up to {np.exp(span[1]):.3g}" if span[1] < low else f"from {np.exp(span[0]):.3g} on"
            remarks.append(Remark(Status.OPEN_INTERVAL, f"computes {end} cannot be excluded either"))
    return Crossing(
        value=float(np.exp(root)),
        low=None if np.isinf(low) else float(np.exp(low)),
        high=None if np.isinf(high) else float(np.exp(high)),
        remark=together(*remarks),
    )
