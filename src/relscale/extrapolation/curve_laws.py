"""Laws of curves, fitted to ln y with weights: M1 to M4 and BNSL.

    M1    y = b · x^(−c)
    M2    y = E + b · x^(−c)
    M3    y = E + b · (1/x + g)^c
    M4    (y − E) / (e − y)^a = b · x^(−c)
    BNSL  y = E + b · x^(−c0) · (1 + (x / d)^(1/f))^(−c1 f)

Shapes come from a grid, the linear parameters by weighted least squares of the error relative to y; the best
shapes of M2, M3 and BNSL are then refined (``curve_search``). A grid is searched in blocks, so that a long curve needs
little memory.

Sources: Alabdulmohsin et al., arXiv 2209.06640, for M1 to M4; Caballero et al., arXiv 2210.14891, for BNSL.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from scipy.special import expit

from relscale.extrapolation.curve_search import Shape, blocks, searched
from relscale.laws.law import Array

STEEPEST = 3.0
FLOORS = 1 - np.geomspace(1e-3, 1, 28)[::-1]  # E as shares of the smallest y
SKEWS = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])  # a of M4


def power(log_x: Array, y: Array, weight: Array, at: Array) -> Array:
    """M1."""
    slope, level = np.polyfit(log_x - log_x.mean(), np.log(y), 1, w=np.sqrt(weight))
    return np.asarray(np.exp(level + slope * (at - log_x.mean())))


def _crossed(*axes: Sequence[float]) -> Array:
    """All combinations (G, r) of the values of each parameter."""
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)


def _power(g: Sequence[Array], log_x: Array) -> Array:
    return np.asarray(np.exp(-g[0] * log_x))


def _power_slopes(g: Sequence[Array], log_x: Array, value: Array) -> Array:
    return np.stack([-log_x * value])


def _shifted(g: Sequence[Array], log_x: Array) -> Array:
    c, shift = g
    return np.asarray(np.exp(c * np.logaddexp(-log_x, shift)))


def _shifted_slopes(g: Sequence[Array], log_x: Array, value: Array) -> Array:
    c, shift = g
    return np.stack([np.logaddexp(-log_x, shift) * value, c * expit(log_x + shift) * value])


def _broken(g: Sequence[Array], log_x: Array) -> Array:
    c0, c1, d, f = g
    return np.asarray(np.exp(-c0 * log_x - c1 * f * np.logaddexp(0, (log_x - d) / f)))


def _broken_slopes(g: Sequence[Array], log_x: Array, value: Array) -> Array:
    _, c1, d, f = g
    beyond = (log_x - d) / f
    bend, bent = np.logaddexp(0, beyond), expit(beyond)
    return np.stack([-log_x, -f * bend, c1 * bent, -c1 * (bend - beyond * bent)]) * value


# M2
floor = partial(
    searched,
    Shape(
        value=_power,
        slopes=_power_slopes,
        exponents=np.geomspace(0.01, STEEPEST, 300)[:, None],
        bends=np.empty((1, 0)),
        low=(0.005,),
        high=(STEEPEST,),
        centre=np.mean,
        starts=1,
    ),
)
# M3; g is positive, so that the curve has another floor at large x.
shifted = partial(
    searched,
    Shape(
        value=_shifted,
        slopes=_shifted_slopes,
        exponents=np.geomspace(0.02, STEEPEST, 24)[:, None],
        bends=np.linspace(-1.5, 0.5, 20)[:, None],
        low=(0.01, -2.0),
        high=(STEEPEST, 0.6),
        centre=np.mean,
        starts=2,
    ),
)
# BNSL with one break
broken = partial(
    searched,
    Shape(
        value=_broken,
        slopes=_broken_slopes,
        exponents=_crossed([0.0, 0.05, 0.15, 0.35, 0.8], [-0.5, -0.15, 0.05, 0.15, 0.4, 0.8, 1.5, 3.0, 6.0]),
        bends=_crossed([-0.35, -0.2, -0.05, 0.1, 0.25, 0.4], [0.03, 0.1, 0.3]),
        low=(-1.0, -1.0, -0.8, 0.01),
        high=(STEEPEST, 10.0, 0.8, 1.0),
        centre=lambda log_x: (log_x.min() + log_x.max()) / 2,
        starts=2,
    ),
)


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
    for block in blocks(len(a), len(y)):
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
