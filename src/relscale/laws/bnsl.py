"""Smoothly broken power law: straight pieces in the logarithms, joined by smooth breaks.

    y = a + b · x^(−c0) · Π_i (1 + (x / d_i)^(1 / f_i))^(−c_i · f_i)

| parameter | unit |
|---|---|
| ``a`` | the metric's; what is left for large x |
| ``b`` | the metric's, at x = 1 |
| ``c0`` | none; exponent before the first break |
| ``c1``, ``c2``, … | none; what each break adds to the exponent |
| ``d1``, … | that of x; where the break is |
| ``f1``, … | none; its width, in units of ln x |

The predictor is F / F_ref. Identifiable where the data have both sides of every break; a break at their end, or wider
than their range, is none.

Source: Caballero et al., *Broken Neural Scaling Laws*, arXiv 2210.14891, equation 1.
"""

from functools import partial

import numpy as np
from scipy.special import expit

from relscale.laws.grid import crossed, profiled
from relscale.laws.law import Array, Law, Parameter

SLOPES = np.array([0.0, 0.05, 0.15, 0.35, 0.8])
CHANGES = np.array([-0.5, -0.15, -0.05, 0.05, 0.15, 0.5, 1.2])
PLACES = np.array([0.2, 0.35, 0.5, 0.65, 0.8])  # of the range of ln x
WIDTHS = np.array([0.03, 0.1, 0.25])  # of the same range
NARROWEST, WIDEST = (
    1e-3,
    2.0,
)  # bounds of a width, and how far outside a break may lie, in units of that range


def value(theta: Array, x: Array) -> Array:
    """y, (n, ...), of a, b, c0, then c_i, d_i, f_i, at x (1, n, ...)."""
    a, b, c0 = theta[:3]
    return np.asarray(a + b * np.exp(_log_shape(c0, theta[3:], np.log(x[0]))))


def _log_shape(c0: Array, breaks: Array, log_x: Array) -> Array:
    """ln (x^(−c0) · Π …)."""
    result = -c0 * log_x
    for c, d, f in zip(*[iter(breaks)] * 3, strict=True):
        result = result - c * f * np.logaddexp(0.0, (log_x - np.log(d)) / f)
    return np.asarray(result)


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of y by the parameters, in their order, (q, n, ...)."""
    _, b, c0 = theta[:3]
    log_x = np.log(x[0])
    shape = np.exp(_log_shape(c0, theta[3:], log_x))
    scaled = b * shape
    rows = [np.ones_like(scaled), shape, -scaled * log_x]
    for c, d, f in zip(*[iter(theta[3:])] * 3, strict=True):
        z = (log_x - np.log(d)) / f
        bent, share = np.logaddexp(0.0, z), expit(z)
        rows += [-scaled * f * bent, scaled * c * share / d, scaled * c * (share * z - bent)]
    return np.stack(np.broadcast_arrays(*rows))


def starts(x: Array, y: Array, breaks: int) -> Array:
    """The best of a grid of slopes, breaks and widths, each with its least-squares a and b."""
    log_x = np.log(x[0])
    low, spread = log_x.min(), max(float(np.ptp(log_x)), 1e-9)
    axes = [SLOPES, CHANGES, WIDTHS] if breaks else [SLOPES]
    places = [np.array(at) for at in _places(breaks)]
    tried = []
    for place in places:
        c0, *rest = crossed(*axes)
        row = [c0]
        for i in range(breaks):
            # The grid has one size of change for all breaks, with alternating signs.
            row += [rest[0] * (-1) ** i, np.full_like(c0, np.exp(low + place[i] * spread)), rest[1] * spread]
        tried.append(np.stack(row))
    grid = np.concatenate(tried, axis=1)
    middle = log_x.mean()
    shape = np.stack([_log_shape(g[0], g[1:], log_x) - _log_shape(g[0], g[1:], middle) for g in grid.T])
    (a, scale), best = profiled(
        np.stack([np.ones_like(shape), np.exp(np.clip(shape, -700, 700))], axis=-1), y, count=10
    )
    chosen = grid[:, best]
    at_middle = np.array([_log_shape(g[0], g[1:], middle) for g in chosen.T])
    return np.concatenate([[a], [scale * np.exp(-at_middle)], chosen]).T


def _places(breaks: int) -> list[list[float]]:
    """Increasing places for each break."""
    if breaks == 1:
        return [[place] for place in PLACES]
    return [[(i + 1 + shift) / (breaks + 1) for i in range(breaks)] for shift in (-0.25, 0.0, 0.25)]


def limits(x: Array, y: Array, breaks: int) -> tuple[Array, Array]:
    """Bounds in the units of x: a break far outside the data, or far narrower than their spacing, can not be seen."""
    log_x = np.log(x[0])
    low, high = float(log_x.min()), float(log_x.max())
    spread = max(high - low, 1e-9)
    outside = WIDEST * spread
    least = [-np.inf] * 3 + [-np.inf, np.exp(low - outside), NARROWEST * spread] * breaks
    most = [np.inf] * 3 + [np.inf, np.exp(high + outside), WIDEST * spread] * breaks
    return np.array(least), np.array(most)


def bnsl(breaks: int) -> Law:
    """The law with that many breaks."""
    parameters = [
        Parameter("a", "that of the metric", low=0),
        Parameter("b", "that of the metric", low=0, log=True),
        Parameter("c0", "none", low=-5, high=5),
    ]
    for i in range(1, breaks + 1):
        parameters += [
            Parameter(f"c{i}", "none", low=-10, high=10),
            Parameter(f"d{i}", "that of x", low=0, log=True),
            Parameter(f"f{i}", "none", low=0, log=True),
        ]
    return Law(
        name="bnsl",
        predictors=("training_flops",),
        parameters=tuple(parameters),
        value=value,
        jacobian=jacobian,
        starts=partial(starts, breaks=breaks),
        identifiable=tuple(parameter.name for parameter in parameters),
        source="Caballero et al., arXiv 2210.14891, equation 1",
        linear=("a", "b"),
        limits=partial(limits, breaks=breaks),
        reference=True,
    )


LAW = bnsl(breaks=1)
