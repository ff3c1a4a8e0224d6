"""The shape of a smoothly broken power law, which is a broken line in the logarithms, and its starting points.

ln shape = −c0 · ln x − Σ_i c_i · f_i · ln(1 + (x / d_i)^(1 / f_i))
"""

from collections.abc import Sequence

import numpy as np

from relscale.laws.law import Array
from relscale.laws.profile import best_grid_points, crossed
from relscale.laws.weak_breaks import weak_breaks

SLOPES = np.array([0.0, 0.05, 0.15, 0.35, 0.55, 0.8])
CHANGES = np.array([0.05, 0.15, 0.5, 1.2])  # of either sign
BREAKS = np.array([0.2, 0.35, 0.5, 0.65, 0.8])  # of the range of ln x
SHIFTS = np.array([-0.25, 0.0, 0.25])  # of several breaks, in units of their distance
WIDTHS = np.array([0.03, 0.1, 0.25])  # of the same range


def log_shape(c0: Array, breaks: Sequence[Array] | Array, log_x: Array) -> Array:
    """ln shape of c0 and c_i, ln d_i, f_i at ln x."""
    result = -c0 * log_x
    for c, log_d, f in zip(*[iter(breaks)] * 3, strict=True):
        result = result - c * f * np.logaddexp(0.0, (log_x - log_d) / f)
    return np.asarray(result)


def starts(x: Array, y: Array, breaks: int) -> Array:
    """Starting points: for each position of the breaks the best shape that bends up and the best that bends down.

    For one break also the two straight lines before and beyond it, and a power law with a weak break of either sign.
    Each has its least-squares a and b. The kinds are selected separately, so that starts in one basin do not displace
    the others.
    """
    log_x = np.log(x[0])
    spread = max(float(np.ptp(log_x)), 1e-9)
    candidates = []
    for at in BREAKS if breaks == 1 else SHIFTS:
        positions = [at] if breaks == 1 else [(i + 1 + at) / (breaks + 1) for i in range(breaks)]
        shapes = [crossed(SLOPES, changes, WIDTHS) for changes in (CHANGES, -CHANGES)]
        if breaks == 1 and (y > 0).all() and np.isfinite(log_x).all():
            shapes.append(_lines(log_x - log_x.min() - at * spread, np.log(y)))
        for c0, change, width in shapes:
            grid = [c0]
            for i, position in enumerate(positions):  # equal changes at all breaks, with alternating signs
                location = np.full_like(c0, log_x.min() + position * spread)
                grid += [change * (-1) ** i, location, width * spread]
            candidates.append(_with_linear(np.stack(grid), log_x, y, count=1 if breaks == 1 else 2))
    if breaks == 1 and (y > 0).all() and np.isfinite(log_x).all() and np.isfinite(y).all():
        weak = weak_breaks(log_x, y)
        if weak.size:
            candidates.append(_with_linear(weak, log_x, y, count=2))
    return np.concatenate(candidates, axis=1).T


def _with_linear(g: Array, log_x: Array, y: Array, count: int) -> Array:
    """The best starting points (q, s) of c0, then c_i, ln d_i and f_i, (q − 2, g), with their a and b."""
    at_middle = log_shape(g[0], g[1:], log_x.mean())
    shape = np.exp(np.clip(log_shape(g[0], g[1:], log_x[:, None]) - at_middle, -700, 700)).T
    (a, b), best = best_grid_points(np.stack([np.ones_like(shape), shape], axis=-1), y, count=count)
    g[2::3] = np.exp(g[2::3])
    return np.concatenate([[a], [b * np.exp(-np.clip(at_middle[best], -700, 700))], g[:, best]])


def _lines(beyond: Array, log_y: Array) -> Array:
    """c0, c1 and widths of the lines through the points before a break, and beyond it."""
    slopes = [
        np.polyfit(beyond[side], log_y[side], 1)[0] if np.ptp(beyond[side]) > 0 else 0.0
        for side in (beyond <= 0, beyond >= 0)
        if side.any()
    ]
    before, after = slopes[0], slopes[-1]
    return np.stack([np.full_like(WIDTHS, -before), np.full_like(WIDTHS, before - after), WIDTHS])
