"""Forecasts by the laws of one group's error: floors, powers, a break, saturation.

irreducible   ``relscale.laws.irreducible``; and with less weight on points of smaller compute
L(N, D)       ``relscale.laws.parametric``; likewise; and shifted to the errors of the nearest runs
M3            y = E + b · (1/F + g)^c
M4            (y − E) / (e − y)^a = b · F^(−c)
BNSL          ``relscale.laws.bnsl`` with one break

The ratio of two groups is that of their two laws. A forecast does not need precise parameters or standard errors, but a
fast fit for every origin and group that always converges and has no absurd exponent:
``relscale.laws.profile.fit_positive``. Exponents are on grids from 0.01 (almost a logarithm) to 1.5, above any exponent
observed for a loss. The break of BNSL is inside the data, and leaves at least a tenth of the slope.

Alabdulmohsin et al., arXiv 2209.06640, for M3 and M4.
"""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.scales import Scales
from relscale.laws import bnsl, parametric
from relscale.laws import irreducible as power_with_floor
from relscale.laws.law import Formula
from relscale.laws.profile import crossed, fit_positive

SMALLEST_IRREDUCIBLE, SMALLEST_SHIFTED, SMALLEST_SURFACE, SMALLEST_BROKEN = 4, 5, 7, 5  # distinct points

BISECTIONS = 50
MEMORY = 0.5  # h, in ranges of the data
FLOORS = 1 - np.geomspace(0.01, 1, 8)[::-1]  # E, as shares of the smallest y
TOPS = np.array([1.02, 1.3, 3.0])  # e, in units of the largest y; 1 for an error rate
BENDS = np.array([0.0, 0.25, 0.5, 1.0, 2.0])  # a
BLOCK = 1 << 15  # numbers in arrays that are computed together
NEAR = 0.3  # in ln N and ln D, width of the kernel over which residuals of near runs are averaged

EXPONENTS = np.geomspace(0.01, 1.5, 240)[None]
PAIR = np.stack([grid.ravel() for grid in np.meshgrid(*[np.geomspace(0.03, 1.5, 20)] * 2)])


def irreducible(known: Scales, log_error: Floats, at: Scales) -> Floats:
    """(Q, K) power laws with a floor; nan with fewer than four computes."""
    return _by_compute(known, log_error, at, power_with_floor.positive_terms, EXPONENTS, SMALLEST_IRREDUCIBLE)


def recent_floor(known: Scales, log_error: Floats, at: Scales) -> Floats:
    """(Q, K) power laws with a floor, with less weight on points of smaller compute."""
    return _by_compute(
        known, log_error, at, power_with_floor.positive_terms, EXPONENTS, SMALLEST_IRREDUCIBLE, recent=True
    )


def recency(known: Scales, log_error: Floats) -> Floats:
    """(P, K) weights ``e^{−(x_max − x) / h}``, h half the range of each series, as those of a damped trend."""
    x, used = known.log_flops[:, None], np.isfinite(log_error)
    last = np.where(used, x, -np.inf).max(axis=0)
    span = last - np.where(used, x, np.inf).min(axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(used, np.exp((x - last) / (MEMORY * np.maximum(span, 1e-9))), 0.0)


def shifted(known: Scales, log_error: Floats, at: Scales) -> Floats:
    """(Q, K) M3: E + b (1/x + g)^c, which bends towards a floor."""
    span = max(np.ptp(known.log_flops), 1e-3)
    grid = crossed(np.geomspace(0.02, 1.5, 24), np.linspace(-1.5 * span, 0.5 * span, 20))
    return _by_compute(known, log_error, at, _shifted, grid, SMALLEST_SHIFTED)


def _shifted(g: Floats, z: Floats) -> Floats:
    power = np.exp(g[0] * np.logaddexp(-z[0], g[1]))
    return np.stack([np.ones_like(power), power])


def saturated(known: Scales, log_error: Floats, at: Scales) -> Floats:
    """(Q, K) M4, by a grid of E, e and a; nan with fewer than five points.

    The logarithm of its left side is a line in ln F, fitted with weights that give it the error of ln y, and solved for
    y by bisection.
    """
    used = np.isfinite(log_error)
    middle = known.log_flops.mean()
    z, is_used = known.log_flops - middle, used.T
    y = np.exp(np.where(is_used, log_error.T, 0.0))  # (K, P), so that sums are along memory
    least, most = np.where(is_used, y, np.inf).min(axis=1), np.where(is_used, y, 0.0).max(axis=1)
    fitted, smallest = np.full((5, len(y)), np.nan), np.full(len(y), np.inf)
    of_series = np.arange(len(y))
    with np.errstate(all="ignore"):
        a = BENDS[:, None, None]
        floors = [share * least for share in FLOORS]
        tops = [np.where(most <= 1, np.maximum(1.001, 1.001 * most), top * most) for top in TOPS]
        log_above, of_above = _sides(y, floors, 1)
        log_below, of_below = _sides(y, tops, -1)
        i, j = map(np.ravel, np.meshgrid(np.arange(len(floors)), np.arange(len(tops)), indexing="ij"))
        together = max(1, BLOCK // (len(BENDS) * y.size))
        for pairs in np.split(np.arange(len(i)), range(together, len(i), together)):
            # for all bends at once, (F, A, K, P)
            low_of, high_of = i[pairs], j[pairs]
            side = np.where(is_used, log_above[low_of] - a * log_below[high_of], 0.0)
            derivative = of_above[low_of] + a * of_below[high_of]
            weight = np.where(is_used, 1 / (derivative * derivative), 0.0)
            total = weight.sum(axis=3)
            z_mean, mean = np.einsum("fakp,p->fak", weight, z) / total, _inner(weight, side) / total
            away = z - z_mean[..., None]
            side -= mean[..., None]
            weighted = weight * away
            slope = _inner(weighted, side) / _inner(weighted, away)
            side -= slope[..., None] * away
            misfit = _inner(weight, side * side)
            misfit = np.where((slope < 0) & (misfit < np.inf), misfit, np.inf)
            flat = misfit.reshape(-1, len(y))
            best = flat.argmin(axis=0)
            slope, mean, z_mean = (
                each.reshape(-1, len(y))[best, of_series] for each in (slope, mean, z_mean)
            )
            of_best = best // len(BENDS)
            parameters = np.stack(
                [
                    np.array(floors)[low_of[of_best], of_series],
                    np.array(tops)[high_of[of_best], of_series],
                    BENDS[best % len(BENDS)],
                    slope,
                    mean - slope * z_mean,
                ]
            )
            least_misfit = flat[best, of_series]
            fitted = np.where(least_misfit < smallest, parameters, fitted)
            smallest = np.minimum(least_misfit, smallest)
        low, high, a, slope, level = fitted
        target = level + slope * (at.log_flops - middle)[:, None]
        below, above = np.broadcast_to(low, target.shape), np.broadcast_to(high, target.shape)
        for _ in range(BISECTIONS):
            half = (below + above) / 2
            over = np.log(half - low) - a * np.log(high - half) > target
            below, above = np.where(over, below, half), np.where(over, half, above)
        ahead = np.log((below + above) / 2)
    return np.where(used.sum(axis=0) >= SMALLEST_SHIFTED, ahead, np.nan)


def _sides(y: Floats, limits: list[Floats], sign: int) -> tuple[Floats, Floats]:
    """For each limit (K,) of y (K, P), the logarithm of the distance from it, and y / distance, (L, 1, K, P)."""
    distance = sign * (y - np.array(limits)[:, None, :, None])
    return np.log(distance), y / distance


def _inner(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.einsum("fakp,fakp->fak", a, b))


def broken(known: Scales, log_error: Floats, at: Scales) -> Floats:
    """(Q, K) smoothly broken power laws with one break; nan with fewer than five computes."""
    low, high = known.log_flops.min(), known.log_flops.max()
    middle = known.log_flops.mean()
    c0, turn, break_at, width = crossed(
        np.geomspace(0.02, 1.0, 10),
        np.array([-0.9, -0.6, -0.3, 0.5, 1.0, 2.0, 6.0]),  # c1 / c0
        low + (high - low) * np.linspace(0.2, 0.8, 4) - middle,
        np.array([0.2, 1.0]),
    )
    grid = np.stack([c0, turn * c0, break_at, width])
    return _by_compute(known, log_error, at, bnsl.positive_terms, grid, SMALLEST_BROKEN)


def surface(
    known: Scales, log_error: Floats, at: Scales, recent: bool = False, anchored: bool = False
) -> Floats:
    """(Q, K) L(N, D); nan if N and D are unknown, too few, or determined by compute.

    Parameters
    ----------
    recent
        Whether runs of smaller compute have less weight.
    anchored
        Whether the law is shifted by its residuals at the runs nearest to the targets in ln N and ln D.
    """
    usable = np.isfinite(known.log_params) & np.isfinite(known.log_tokens)
    blank = np.full((len(at), log_error.shape[1]), np.nan)
    if usable.sum() < SMALLEST_SURFACE or not known.shapes_differ:
        return blank
    known, log_error = known.take(usable), log_error[usable]
    centre = np.array([known.log_params.mean(), known.log_tokens.mean()])[:, None]
    x, to = (np.stack([scales.log_params, scales.log_tokens]) - centre for scales in (known, at))
    weight = recency(known, log_error) if recent else None
    fitted = fit_positive(parametric.positive_terms, PAIR, x, log_error, weight)
    ahead = fitted.log_value(to)
    if anchored:
        apart = np.sqrt(np.square(x[:, :, None] - to[:, None, :]).sum(axis=0))  # (P, Q)
        ahead = ahead - _nearest(apart, fitted.log_value(x) - log_error)
    return np.where(np.isfinite(log_error).sum(axis=0) >= SMALLEST_SURFACE, ahead, np.nan)


def _nearest(apart: Floats, residual: Floats) -> Floats:
    """(Q, K) the mean residual (P, K) of the nearest runs, from distances (P, Q)."""
    near = np.exp(-0.5 * ((apart - apart.min(axis=0)) / NEAR) ** 2).T
    known = np.isfinite(residual)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((near @ np.where(known, residual, 0.0)) / (near @ known.astype(float)))


def _by_compute(
    known: Scales,
    log_error: Floats,
    at: Scales,
    terms: Formula,
    grid: Floats,
    smallest: int,
    recent: bool = False,
) -> Floats:
    if len(np.unique(known.log_flops)) < smallest:
        return np.full((len(at), log_error.shape[1]), np.nan)
    middle = known.log_flops.mean()
    weight = recency(known, log_error) if recent else None
    ahead = fit_positive(terms, grid, (known.log_flops - middle)[None], log_error, weight).log_value(
        (at.log_flops - middle)[None]
    )
    return np.where(np.isfinite(log_error).sum(axis=0) >= smallest, ahead, np.nan)
