"""Remarks on the points of a fit."""

import numpy as np

from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.inference.interval import too_few_points
from relscale.fitting.inference.log_log_lines import SMALLEST
from relscale.fitting.status import OK, Remark, Status

MOST_NAMED = 4  # maximum number of excluded points whose reasons are listed


def points_remark(curves: Curves, j: int) -> Remark:
    """``OK``, or the number of points of curve ``j`` that were used, and the reasons for excluding the others."""
    lost = [
        f"{_name(point)}: {reason}"
        for point, reason in zip(curves.points, curves.status[:, j], strict=True)
        if reason != OK
    ]
    used = len(curves.points) - len(lost)
    reasons = f" ({listed(lost)})" if lost else ""
    if used < SMALLEST:
        return too_few_points(used, reasons)
    if lost:
        note = f"fitted on {used} of {len(curves.points)} points{reasons}"
        return Remark(Status.MISSING_POINTS, note)
    return _copies(curves)


def listed(reasons: list[str]) -> str:
    """The first few reasons, and the number of others."""
    more = f"; and {len(reasons) - MOST_NAMED} more" if len(reasons) > MOST_NAMED else ""
    return f"{'; '.join(reasons[:MOST_NAMED])}{more}"


def _copies(curves: Curves) -> Remark:
    """A remark on two runs whose numbers are all the same."""
    if len(np.unique(curves.log_flops)) == len(curves.points) or np.nanmax(np.ptp(curves.value, axis=0)) == 0:
        return OK
    numbers = np.column_stack([curves.log_flops, np.nan_to_num(curves.value)])
    _, which, count = np.unique(numbers, axis=0, return_inverse=True, return_counts=True)
    if count.max() == 1:
        return OK
    copied = int(np.argmax(count))
    first, other = (_name(curves.points[i]) for i in np.flatnonzero(which.ravel() == copied)[:2])
    note = f"{first} and {other} have identical values: the copy counts as a separate run"
    return Remark(Status.COPIED_RUNS, note)


def _name(point: Point) -> str:
    return point.run if point.run is not None else f"{point.budget:g} FLOPs"
