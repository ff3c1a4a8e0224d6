"""When do two curves cross: the compute at which G = 1, or "not within reach".

    ln G(F) = level + slope · z = 0    at    z = −level / slope,    z = ln F − reference

A ratio of two estimates has no standard error worth the name where its denominator may be 0. Its confidence set is
Fieller's: all computes at which the interval of ln G holds 0. With quantile k and covariance V of level and slope
these are the z with

    (level + slope·z)² ≤ k² · (V_level + 2z·C + z²·V_slope),

a range where the slope is clear, else two rays or the whole line. So that the set fits whatever interval the line has
(points of unequal noise, shared trainings, population of the items), its ends are found from that interval itself, by
bisection, within ``reach`` times the data on either side. A set that goes on beyond has no limit there.

Source: Fieller, *Some problems in interval estimation*, Journal of the Royal Statistical Society B 16, 1954.
"""

from typing import Any

import numpy as np

from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference import interval
from relscale.fitting.inference.law_rows import status_of
from relscale.fitting.inference.log_log_lines import Lines, curve_lines
from relscale.fitting.settings import Settings
from relscale.laws import relative
from relscale.measurements.metric import VALIDATION

Row = dict[str, Any]

PARAMETER = "crossing_flops"
SCHEME = "Fieller set of the "
GRID = 400  # computes at which the set is looked for, before its ends are bisected
BISECTIONS = 50
NOT_WITHIN_REACH = "not within reach"
NOT_EXCLUDED = "not within reach, but not excluded there"


def crossing_rows(curves: Curves, chosen: Settings) -> list[Row]:
    """A row for each ratio and estimand: the compute where the two curves cross, with Fieller's limits.

    A limit is null where the set goes on beyond ``chosen.reach`` times the data, and the status says so. Where the
    curves cross only beyond it the value is null too: "not within reach", or "… not excluded there" where a crossing
    within it can not be ruled out. Where a second range of computes is in the set the status names it.
    """
    if curves.quantity != RATIO or not curves.keys:
        return []
    estimate = curve_lines(curves)
    schemes = interval.SCHEMES_OF_BLOCKS if curves.shared else interval.SCHEMES
    estimands: dict[str, interval.ItemLines | None] = {interval.THESE_ITEMS: None}
    if curves.replicates.shape[-1]:
        estimands[interval.ITEM_POPULATION] = interval.item_lines(
            curves.log_flops, curves.value, curves.replicates, estimate, curves.blocks
        )
    rows = []
    for estimand, items in estimands.items():
        root, ends = fieller(estimate, chosen.level, chosen.reach, items)
        for j, key in enumerate(curves.keys):
            if key["suite"] == VALIDATION.suite and items is not None:
                continue
            row = key | {
                "law": relative.LINE.name,
                "parameter": PARAMETER,
                "predictor": "training_flops",
                "level": chosen.level,
                "scheme": SCHEME + schemes[estimand],
                "estimand": estimand,
                "n": int(estimate.n[j]),
                "reference_flops": np.exp(estimate.reference[j]),
                "flops_low": np.exp(estimate.low[j]),
                "flops_high": np.exp(estimate.high[j]),
                "status": _status(curves, estimate, j),
            }
            if row["status"] == "ok" or np.isfinite(estimate.slope[j]):
                row |= _answer(float(root[j]), ends[j], row["status"])
            rows.append(row)
    return rows


def _status(curves: Curves, estimate: Lines, j: int) -> str:
    status = status_of(curves, j)
    return (interval.too_few_blocks(estimate, j) or "ok") if status == "ok" else status


def fieller(
    estimate: Lines, level: float, reach: float, items: interval.ItemLines | None = None
) -> tuple[Floats, list[list[tuple[float, float]] | None]]:
    """Where J lines are 0, and the computes that an interval does not tell from it, in ln FLOPs.

    Returns
    -------
    root
        (J,) nan where there is none within reach.
    ranges
        Of each line: the set's ranges within reach, by compute; an end is ±inf where the set goes on beyond. None
        where the line has no interval.
    """
    edges = estimate.low - np.log(reach), estimate.high + np.log(reach)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = estimate.reference - estimate.level / estimate.slope
        root = np.where((edges[0] <= root) & (root <= edges[1]), root, np.nan)
    x = np.linspace(*edges, GRID)  # (GRID, J)
    x = np.sort(np.concatenate([x, np.where(np.isnan(root), edges[0], root)[None]]), axis=0)

    def inside(at: Floats) -> np.ndarray:
        found = interval.level_at(estimate, at, level, items)
        return (found.low <= 0) & (found.high >= 0)

    within = inside(x)
    within |= x == root  # a line without noise has a set of one point
    changes = within[1:] != within[:-1]
    most = int(changes.sum(axis=0).max(initial=0))
    # The k-th change of each line, those that it lacks at its last cell, where they are not looked at.
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


def _answer(root: float, ranges: list[tuple[float, float]] | None, status: str) -> Row:
    """Value, limits and status of one crossing; ``status`` is that of the points it rests on."""
    if ranges is None:
        return {"status": "no interval" if status == "ok" else status}
    if np.isnan(root):
        answer = {"value": None, "low": None, "high": None}
        found = NOT_EXCLUDED if ranges else NOT_WITHIN_REACH
        return answer | {"status": found if status == "ok" else f"{found}; {status}"}
    here = next(one for one in ranges if one[0] <= root <= one[1])
    low, high = here
    remarks = [] if status == "ok" else [status]
    if np.isinf(low) and np.isinf(high):
        remarks.append("no limits within reach")
    elif np.isinf(low) or np.isinf(high):
        remarks.append(f"no {'lower' if np.isinf(low) else 'upper'} limit within reach")
    for one in ranges:
        if one is not here:
            end = f"up to {np.exp(one[1]):.3g}" if one[1] < low else f"from {np.exp(one[0]):.3g} on"
            remarks.append(f"computes {end} are not excluded either")
    return {
        "value": np.exp(root),
        "low": None if np.isinf(low) else np.exp(low),
        "high": None if np.isinf(high) else np.exp(high),
        "status": "; ".join(remarks) or "ok",
    }
