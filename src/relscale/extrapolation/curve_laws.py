"""Laws of one curve, fitted to ln y with weights: M1 to M4 and BNSL.

    M1    y = b · x^(−c)
    M2    y = E + b · x^(−c)
    M3    y = E + b · (1/x + g)^c
    M4    (y − E) / (e − y)^a = b · x^(−c)
    BNSL  y = E + b · x^(−c0) · (1 + (x / d)^(1/f))^(−c1 f)

Shapes come from a grid, the linear parameters by weighted least squares of the error relative to y; the best
shapes of M2, M3 and BNSL are then refined. A grid is searched in blocks, so that a long curve needs little memory.

Sources: Alabdulmohsin et al., arXiv 2209.06640, for M1 to M4; Caballero et al., arXiv 2210.14891, for BNSL.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
from scipy.optimize import least_squares

from relscale.laws.law import Array

# Function of the parameters, each (G, 1) or (1, 1) if common, and ln x (n,) that returns the factor of b, (G, n).
Shape = Callable[[Sequence[Array], Array], Array]

BLOCK = 1 << 16  # numbers in an array of a block of a grid, so that it stays in the processor's cache
STEP = float(np.sqrt(np.finfo(float).eps))  # of a difference, as a share of a parameter beyond 1
STEEPEST = 3.0
FLOORS = 1 - np.geomspace(1e-3, 1, 28)[::-1]  # E as shares of the smallest y
SKEWS = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])  # a of M4


def power(log_x: Array, y: Array, weight: Array, at: Array) -> Array:
    """M1."""
    slope, level = np.polyfit(log_x - log_x.mean(), np.log(y), 1, w=np.sqrt(weight))
    return np.asarray(np.exp(level + slope * (at - log_x.mean())))


def _columns(g: Array) -> list[Array]:
    """The columns (G, 1) of parameters (G, r)."""
    return [g[:, i : i + 1] for i in range(g.shape[1])]


def _blocks(shapes: int, points: int) -> Iterator[slice]:
    """The blocks of a grid of shapes, for a curve of some points."""
    size = max(1, BLOCK // points)
    return (slice(first, first + size) for first in range(0, shapes, size))


def _dot(rows: Array, column: Array) -> Array:
    """(G,) products of rows (G, n), each the same to the last digit in any block."""
    return np.asarray((rows[:, None] @ column)[:, 0])


def _projected(shapes: Array, y: Array, weight: Array) -> tuple[Array, Array, Array]:
    """E ≥ 0, b ≥ 0 and the misfit, each (G,), of ``y ≈ E + b·shape``, shapes (G, n); relative to y."""
    w = weight / y**2
    s0, s1, s2 = w.sum(), _dot(shapes, w), _dot(shapes**2, w)
    t0, t1 = (w * y).sum(), _dot(shapes, w * y)
    determinant = s0 * s2 - s1**2
    floor = (t0 * s2 - t1 * s1) / determinant
    scale = (s0 * t1 - s1 * t0) / determinant
    alone = ~((floor > 0) & np.isfinite(floor) & (scale > 0))
    floor = np.where(alone, 0.0, floor)
    scale = np.where(alone, t1 / s2, scale)
    misfit = (w * (floor[:, None] + scale[:, None] * shapes - y) ** 2).sum(axis=1)
    return floor, scale, np.where(np.isfinite(misfit) & (scale > 0), misfit, np.inf)


def _misfits(shape: Shape, exponents: int, grid: Array, log_x: Array, y: Array, weight: Array) -> Array:
    """(G,) misfits of a grid (G, r) of shapes; all but the first ``exponents`` parameters are of the bend.

    The bend has the logarithms, which cost the most, and is computed once for all shapes that have it in common.
    """
    misfit = np.empty(len(grid))
    bends, which = np.unique(grid[:, exponents:], axis=0, return_inverse=True)
    for i, bend in enumerate(bends):
        bent = np.flatnonzero(which.ravel() == i)
        for block in _blocks(len(bent), len(log_x)):
            columns = _columns(grid[bent[block], :exponents]) + _columns(bend[None])
            misfit[bent[block]] = _projected(shape(columns, log_x), y, weight)[2]
    return misfit


def _searched(
    shape: Shape,
    exponents: int,
    grid: Array,
    low: Array,
    high: Array,
    log_x: Array,
    y: Array,
    weight: Array,
    at: Array,
    starts: int,
) -> Array:
    """The law at ``at``, with the best shape of the grid (G, r) refined."""
    root = np.sqrt(weight)

    def residuals(g: Array) -> Array:
        """(G, n) of shapes (G, r)."""
        shapes = shape(_columns(g), log_x)
        floor, scale, _ = _projected(shapes, y, weight)
        off = root * (floor[:, None] + scale[:, None] * shapes - y) / y
        return off if np.isfinite(off).all() else np.nan_to_num(off, nan=1e3, posinf=1e3)

    def residual(g: Array) -> Array:
        return np.asarray(residuals(g[None])[0])

    def derivatives(g: Array) -> Array:
        """(n, r) forward differences, or backward ones at a bound, of all parameters in one block."""
        step = STEP * np.where(g < 0, -1, 1) * np.maximum(1, np.abs(g))
        step = np.where((g + step < low) | (g + step > high), -step, step)
        moved = g + np.diag(step)
        off = residuals(np.vstack([g, moved]))
        return np.asarray((off[1:] - off[0]).T / (np.diag(moved) - g))

    misfit = _misfits(shape, exponents, grid, log_x, y, weight)
    best, least = grid[np.argmin(misfit)], np.inf
    for start in np.argsort(misfit)[:starts]:
        minimum = least_squares(
            residual,
            np.clip(grid[start], low + 1e-9, high - 1e-9),
            derivatives,
            bounds=(low, high),
            max_nfev=30,
        )
        if minimum.cost < least:
            best, least = minimum.x, minimum.cost
    columns = _columns(best[None])
    floor, scale, _ = _projected(shape(columns, log_x), y, weight)
    return np.asarray(floor[0] + scale[0] * shape(columns, at)[0])


def _power_shape(g: Sequence[Array], log_x: Array) -> Array:
    return np.asarray(np.exp(-g[0] * log_x))


def _shifted_shape(g: Sequence[Array], log_x: Array) -> Array:
    c, shift = g
    return np.asarray(np.exp(c * np.logaddexp(-log_x, shift)))


def _broken_shape(g: Sequence[Array], log_x: Array) -> Array:
    c0, c1, d, f = g
    return np.asarray(np.exp(-c0 * log_x - c1 * f * np.logaddexp(0, (log_x - d) / f)))


def floor(log_x: Array, y: Array, weight: Array, at: Array) -> Array:
    """M2."""
    middle = log_x.mean()
    grid = np.geomspace(0.01, STEEPEST, 300)[:, None]
    low, high = np.array([0.005]), np.array([STEEPEST])
    return _searched(_power_shape, 1, grid, low, high, log_x - middle, y, weight, at - middle, 1)


def shifted(log_x: Array, y: Array, weight: Array, at: Array) -> Array:
    """M3; g is positive, so that the curve has another floor at large x."""
    middle = log_x.mean()
    span = max(np.ptp(log_x), 1e-3)
    grid = np.stack(
        [
            a.ravel()
            for a in np.meshgrid(np.geomspace(0.02, STEEPEST, 24), np.linspace(-1.5 * span, 0.5 * span, 20))
        ],
        axis=1,
    )
    low, high = np.array([0.01, -2 * span]), np.array([STEEPEST, 0.6 * span])
    return _searched(_shifted_shape, 1, grid, low, high, log_x - middle, y, weight, at - middle, 2)


@cache
def _breaks() -> Array:
    axes = np.meshgrid(
        np.array([0.0, 0.05, 0.15, 0.35, 0.8]),
        np.array([-0.5, -0.15, 0.05, 0.15, 0.4, 0.8, 1.5, 3.0, 6.0]),
        np.array([-0.35, -0.2, -0.05, 0.1, 0.25, 0.4]),
        np.array([0.03, 0.1, 0.3]),
    )
    return np.stack([a.ravel() for a in axes], axis=1)


def broken(log_x: Array, y: Array, weight: Array, at: Array) -> Array:
    """BNSL with one break."""
    middle, span = (log_x.min() + log_x.max()) / 2, max(np.ptp(log_x), 1e-3)
    grid = _breaks() * np.array([1, 1, span, span])
    low = np.array([-1.0, -1.0, -0.8 * span, 0.01 * span])
    high = np.array([STEEPEST, 10.0, 0.8 * span, 1.0 * span])
    return _searched(_broken_shape, 2, grid, low, high, log_x - middle, y, weight, at - middle, 2)


def _line(x: Array, t: Array, w: Array) -> tuple[Array, Array, Array, Array]:
    """Means of x (n,) and of t (G, n), slope of t over x and misfit, each (G,), with weights w (G, n)."""
    total = w.sum(axis=1, keepdims=True)
    mx, mt = (w * x).sum(axis=1, keepdims=True) / total, (w * t).sum(axis=1, keepdims=True) / total
    x, t = x - mx, t - mt
    along = w * x
    slope = (along * t).sum(axis=1, keepdims=True) / (along * x).sum(axis=1, keepdims=True)
    misfit = (w * (t - slope * x) ** 2).sum(axis=1)
    return mx[:, 0], mt[:, 0], slope[:, 0], misfit


def saturated(log_x: Array, y: Array, weight: Array, at: Array) -> Array:
    """M4, by a grid of E, e and a.

    ln((y − E)/(e − y)^a) is then a line in ln x, with weights that reproduce the error of ln y.
    """
    top = max(1.0, 1.02 * y.max()) if y.max() <= 1 else 1.02 * y.max()
    tops = (
        np.array([top, 1.02 * y.max(), 1.3 * y.max(), 3 * y.max()])
        if y.max() > 1
        else np.array([1.001 * max(1, y.max())])
    )
    floors = FLOORS * y.min()
    axes = np.meshgrid(np.arange(len(floors)), np.arange(len(tops)), SKEWS, indexing="xy")
    i, j, a = axes[0].ravel(), axes[1].ravel(), axes[2].ravel()[:, None]
    low, e = floors[i, None], tops[j, None]
    above_low, log_low = y / (y - floors[:, None]), np.log(y - floors[:, None])
    to_top, log_top = tops[:, None] - y, np.log(tops[:, None] - y)
    x = log_x - log_x.mean()
    parts = []
    for block in _blocks(len(a), len(y)):
        t = log_low[i[block]] - a[block] * log_top[j[block]]
        gain = above_low[i[block]] + a[block] * y / to_top[j[block]]
        parts.append(_line(x, t, weight / gain**2))
    mx, mt, slope, misfit = (np.concatenate(part) for part in zip(*parts, strict=True))
    best = int(np.argmin(np.where(np.isfinite(misfit) & (slope < 0), misfit, np.inf)))
    right = mt[best] + slope[best] * (at - log_x.mean() - mx[best])
    below, above = np.full(len(at), low[best, 0]), np.full(len(at), e[best, 0])
    for _ in range(60):  # y by bisection: the left side rises from −∞ at E to ∞ at e
        middle = (below + above) / 2
        high = np.log(middle - low[best]) - a[best] * np.log(e[best] - middle) > right
        below, above = np.where(high, below, middle), np.where(high, middle, above)
    return np.asarray((below + above) / 2)
