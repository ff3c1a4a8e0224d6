"""Forecasts by the laws of one group's error that are sums of positive terms: a floor, powers, a break.

irreducible   ``relscale.laws.irreducible``
L(N, D)       ``relscale.laws.parametric``
BNSL          ``relscale.laws.bnsl`` with one break

The ratio of two groups is that of their two laws. A forecast needs neither the finest parameters nor their standard
errors; it needs a fit that never fails to converge and never ends on an absurd exponent, a hundred times over, for
every origin and group: ``relscale.laws.profile.positive``. Exponents lie on grids, from 0.01 (next to a logarithm) to
1.5, more than any loss has been seen to fall by. The break of BNSL lies inside the data, and leaves at least a tenth of
the slope.
"""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.scales import Scales
from relscale.laws import bnsl, parametric
from relscale.laws import irreducible as power_with_floor
from relscale.laws.law import Formula
from relscale.laws.profile import crossed, positive

SMALLEST_IRREDUCIBLE, SMALLEST_SURFACE, SMALLEST_BROKEN = 4, 7, 12  # distinct points
APART = 0.3  # what ln N must vary by at equal compute, root mean square

EXPONENTS = np.geomspace(0.01, 1.5, 240)[None]
PAIR = np.stack([grid.ravel() for grid in np.meshgrid(*[np.geomspace(0.03, 1.5, 20)] * 2)])


def irreducible(known: Scales, log_error: Floats, at: Scales) -> Floats:
    """(Q, K) power laws with a floor; nan with fewer than four computes."""
    return _by_compute(known, log_error, at, power_with_floor.positive_terms, EXPONENTS, SMALLEST_IRREDUCIBLE)


def broken(known: Scales, log_error: Floats, at: Scales) -> Floats:
    """(Q, K) smoothly broken power laws with one break; nan with fewer than twelve computes."""
    low, high = known.log_flops.min(), known.log_flops.max()
    middle = known.log_flops.mean()
    c0, turn, break_at, width = crossed(
        np.geomspace(0.02, 1.0, 10),
        np.array([-0.9, -0.6, -0.3, 0.5, 1.0, 2.0]),  # c1 / c0
        low + (high - low) * np.linspace(0.2, 0.8, 4) - middle,
        np.array([0.2, 1.0]),
    )
    grid = np.stack([c0, turn * c0, break_at, width])
    return _by_compute(known, log_error, at, bnsl.positive_terms, grid, SMALLEST_BROKEN)


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
    fitted = positive(parametric.positive_terms, PAIR, x, log_error)
    ahead = fitted.log_value(np.stack([at.log_params, at.log_tokens]) - centre)
    return np.where(np.isfinite(log_error).sum(axis=0) >= SMALLEST_SURFACE, ahead, np.nan)


def _by_compute(
    known: Scales, log_error: Floats, at: Scales, terms: Formula, grid: Floats, smallest: int
) -> Floats:
    if len(np.unique(known.log_flops)) < smallest:
        return np.full((len(at), log_error.shape[1]), np.nan)
    middle = known.log_flops.mean()
    ahead = positive(terms, grid, (known.log_flops - middle)[None], log_error).log_value(
        (at.log_flops - middle)[None]
    )
    return np.where(np.isfinite(log_error).sum(axis=0) >= smallest, ahead, np.nan)
