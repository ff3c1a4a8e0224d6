"""Rolling origins: the points known at each origin, and those forecast from it.

By compute: all points up to some compute are known, and those beyond are forecast. By size, if a family has several
computes per model size, so that compute does not order the sizes: all models up to some size are known, and the larger
ones are forecast, as in a forecast of the next model. A frontier has one size per compute, and the two are the same.

A forecast at an origin may learn from earlier forecasts, but only from those whose outcomes are known by then: origin
o's forecast of point q may be used at O if q and all points known at o are known at O. Numbers beyond an origin
therefore cannot affect it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.scales import Scales

BY_COMPUTE, BY_SIZE = "compute", "size"
SMALLEST = 3  # distinct computes known at the first origin
MOST = 8  # origins of each kind
MOST_TARGETS = 24  # maximum number of forecast points, over all origins
SAME = 1e-6  # relative difference of two computes of one budget
SAME_SIZE = 0.02

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Origins:
    """O origins in ascending order.

    Attributes
    ----------
    by
        (O,) ``BY_COMPUTE`` or ``BY_SIZE``.
    known
        (O, P) the points known at each.
    targets
        (Q,) positions of the points that are forecast.
    ahead
        (O, Q) whether a point is forecast at an origin.
    log_flops, log_params
        (O,) those of the largest known point.
    """

    by: list[str]
    known: Mask
    targets: NDArray[np.int64]
    ahead: Mask
    log_flops: Floats
    log_params: Floats

    def resolved(self, known: Mask) -> Mask:
        """(O, Q) the forecasts that were made, and whose outcomes are known, by the points ``known`` (P,)."""
        inside = ~(self.known & ~known).any(axis=1) & ~(self.known == known).all(axis=1)
        return np.asarray(self.ahead & inside[:, None] & known[self.targets])


def rolling_origins(scales: Scales, usable: Mask) -> Origins:
    """Origins over the points ``usable`` (P,)."""
    kinds = [(BY_COMPUTE, scales.log_flops, SAME)]
    if _is_family(scales, usable):
        kinds.append((BY_SIZE, scales.log_params, SAME_SIZE))
    by: list[str] = []
    known: list[Mask] = []
    ahead: list[Mask] = []
    for name, axis, same in kinds:
        for cut in _cuts(scales, usable, axis, same):
            before = usable & (axis <= cut)
            by.append(name)
            known.append(before)
            ahead.append(usable & ~before)
    count = len(scales)
    is_target = np.array(ahead).any(axis=0) if ahead else np.zeros(count, dtype=bool)
    targets = np.flatnonzero(is_target)[np.argsort(scales.log_flops[is_target], kind="stable")]
    targets = targets[_spread(len(targets), MOST_TARGETS)]
    order = sorted(range(len(by)), key=lambda o: (known[o].sum(), by[o]))
    known_points = np.array([known[o] for o in order], dtype=bool).reshape(len(by), count)
    forecast_points = np.array([ahead[o] for o in order], dtype=bool).reshape(len(by), count)
    return Origins(
        by=[by[o] for o in order],
        known=known_points,
        targets=targets,
        ahead=forecast_points[:, targets],
        log_flops=np.array([scales.log_flops[k].max() for k in known_points]),
        log_params=np.array([scales.log_params[k].max() for k in known_points]),
    )


def _cuts(scales: Scales, usable: Mask, axis: Floats, same: float) -> list[float]:
    """Possible ends of the known points: each distinct value but the largest, thinned evenly along the axis."""
    values = np.sort(axis[usable & np.isfinite(axis)])
    if not len(values):
        return []
    ends = values[np.append(np.diff(values) > same, True)]
    order = np.argsort(np.where(usable, axis, np.nan), kind="stable")[: len(values)]
    _, first = np.unique(np.round(scales.log_flops[order] / SAME), return_index=True)
    if len(first) < SMALLEST:
        return []
    cuts = ends[:-1][ends[:-1] >= axis[order[np.sort(first)[SMALLEST - 1]]]]
    if len(cuts) <= MOST:
        return [float(cut) for cut in cuts]
    ideal = np.linspace(cuts[0], cuts[-1], MOST)
    return sorted({float(cuts[np.argmin(np.abs(cuts - at))]) for at in ideal})


def _is_family(scales: Scales, usable: Mask) -> bool:
    """Whether sizes have several computes each, and interleave: some smaller model has more compute than a larger."""
    known = usable & np.isfinite(scales.log_params)
    if not known.any():
        return False
    order = np.argsort(scales.log_flops[known], kind="stable")
    sizes = scales.log_params[known][order]
    if 2 * (1 + (np.diff(np.sort(sizes)) > SAME_SIZE).sum()) > len(sizes):
        return False
    return bool((np.maximum.accumulate(sizes) - sizes > SAME_SIZE).any())


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` of ``count`` positions, evenly spaced, including the last."""
    if count <= most:
        return np.arange(count)
    return np.unique(np.round(np.linspace(0, count - 1, most)).astype(np.int64))
