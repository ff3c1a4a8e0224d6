"""Laws of one group's error that are sums of positive terms: with a floor, of parameters and tokens, with a break.

    irreducible   E = E∞ + A · F^−β
    L(N, D)       E = E∞ + A · N^−α + B · D^−β
    BNSL          E = a + b · F^−c0 · (1 + (F/d)^(1/f))^−(c1·f)

The ratio of two groups is that of their two laws. Exponents lie on grids, from 0.01 (next to a logarithm) to 1.5, more
than any loss has been seen to fall by. The break of BNSL lies inside the data, and leaves at least a tenth of the
slope.

Hoffmann et al., arXiv 2203.15556, equation 2; Caballero et al., *Broken Neural Scaling Laws*, arXiv 2210.14891,
equation 1.
"""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.projection import Features, evaluate, project
from relscale.fitting.forecasts.scales import Scales

SMALLEST_IRREDUCIBLE, SMALLEST_SURFACE, SMALLEST_BROKEN = 4, 7, 12  # distinct points
APART = 0.3  # what ln N must vary by at equal compute, root mean square

EXPONENTS = np.geomspace(0.01, 1.5, 240)[None]
PAIR = np.stack([grid.ravel() for grid in np.meshgrid(*[np.geomspace(0.03, 1.5, 20)] * 2)])


def irreducible(known: Scales, log_error: Floats, at: Scales) -> Floats:
    """(Q, K) power laws with a floor; nan with fewer than four computes."""
    return _by_compute(known, log_error, at, _floor_and_power, EXPONENTS, SMALLEST_IRREDUCIBLE)


def broken(known: Scales, log_error: Floats, at: Scales) -> Floats:
    """(Q, K) smoothly broken power laws with one break; nan with fewer than twelve computes."""
    low, high = known.log_flops.min(), known.log_flops.max()
    middle = known.log_flops.mean()
    axes = (
        np.geomspace(0.02, 1.0, 10),
        np.array([-0.9, -0.6, -0.3, 0.5, 1.0, 2.0]),  # c1 / c0
        low + (high - low) * np.linspace(0.2, 0.8, 4) - middle,
        np.array([0.2, 1.0]),
    )
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
    return _by_compute(known, log_error, at, _floor_and_broken, grid, SMALLEST_BROKEN)


def surface(known: Scales, log_error: Floats, at: Scales) -> Floats:
    """(Q, K) L(N, D); nan where N and D are unknown, few, or tied to each other by the compute."""
    usable = np.isfinite(known.log_params) & np.isfinite(known.log_tokens)
    blank = np.full((len(at), log_error.shape[1]), np.nan)
    if usable.sum() < SMALLEST_SURFACE:
        return blank
    known, log_error = known.take(usable), log_error[usable]
    shape = known.log_params - known.log_tokens
    line = np.polyfit(known.log_flops, shape, 1) if np.ptp(known.log_flops) else (0.0, shape.mean())
    if np.std(shape - np.polyval(line, known.log_flops)) < APART:
        return blank
    centre = np.array([known.log_params.mean(), known.log_tokens.mean()])[:, None]
    x = np.stack([known.log_params, known.log_tokens]) - centre
    fitted = project(_floor_and_two, PAIR, x, log_error)
    found = evaluate(_floor_and_two, fitted, np.stack([at.log_params, at.log_tokens]) - centre)
    return np.where(np.isfinite(log_error).sum(axis=0) >= SMALLEST_SURFACE, found, np.nan)


def _by_compute(
    known: Scales, log_error: Floats, at: Scales, features: Features, grid: Floats, smallest: int
) -> Floats:
    if len(np.unique(known.log_flops)) < smallest:
        return np.full((len(at), log_error.shape[1]), np.nan)
    middle = known.log_flops.mean()
    fitted = project(features, grid, (known.log_flops - middle)[None], log_error)
    found = evaluate(features, fitted, (at.log_flops - middle)[None])
    return np.where(np.isfinite(log_error).sum(axis=0) >= smallest, found, np.nan)


def _floor_and_power(g: Floats, x: Floats) -> Floats:
    power = np.exp(-g[0] * x[0])
    return np.stack([np.ones_like(power), power])


def _floor_and_two(g: Floats, x: Floats) -> Floats:
    of_params, of_tokens = np.exp(-g[0] * x[0]), np.exp(-g[1] * x[1])
    return np.stack([np.ones_like(of_params), of_params, of_tokens])


def _floor_and_broken(g: Floats, x: Floats) -> Floats:
    c0, turn, at, sharpness = g
    power = np.exp(-c0 * x[0] - turn * c0 * sharpness * np.logaddexp(0, (x[0] - at) / sharpness))
    return np.stack([np.ones_like(power), power])
