"""Intervals of the last stage, for each of two estimands.

**These items.** Runs vary, the items are as they are. The last stage is a straight line through n points, and its
contrast θ (slope, or level at some compute) has the t interval of n − 2 degrees of freedom,

    V_run = s² · q,    q = 1/Sxx for the slope, 1/n + z²/Sxx for the level at z,

whatever the noise of a point is made of (seed, budget, evaluation), as long as the points share its variance. They do
not where a budget has more runs than the others, such as repeated seeds: with variances σ²·h_i, h_i = 1 / runs, the
slope has variance ``σ² Σ h_i z_i² / Sxx²`` while s² estimates ``σ² Σ h_i (1 − 1/n − z_i²/Sxx) / (n − 2)``. Three seeds
at one inner budget of four bring the plain interval down to 93.7%. The ratio of the two, q_run, is known; but noise
of whole budgets is not reduced by more runs and keeps q. So the larger of q and q_run is taken: 95.0–96.7% by
simulation, with either noise and any one budget repeated. Equal numbers of runs give the plain t interval.

**Item population.** The items too are a sample, the same for all runs: items and runs are crossed, not nested. To
first order log G at point i is a mean over J items of

    u_ij = a_j + b_j·z_i + r_i + e_ij

with a_j, b_j the item's own level and slope, r_i the run noise common to all items, e_ij the interaction, with
variances σ_b², σ_r², σ_e². For the slope (any contrast is alike, with its own q, here that of run noise):

    Var(slope) = σ_b²/J + (σ_r² + σ_e²/J)·q          what is wanted
    E V_run    =          (σ_r² + σ_e²/J)·q          from the scatter of n points
    E V_item   = σ_b²/J + (σ_e²/J)·q                 variance of the slope over resamplings of the items

Their sum counts σ_e²/J twice. Resampling b moves the points by d_b,i = log G_b(F_i) − log G(F_i), which has no r_i in
it; the scatter of d_b around its own line is interaction alone, E s²(d_b) = σ_e²/J, so

    V_int = mean over b of s²(d_b) · q,
    V     = max(V_run, V_item, V_run + V_item − V_int).

The maximum, since the truth is below neither part.

**The quantile.** V has parts that are known well (V_item and V_int: items and resamplings are many) and one that is
not, V_run with its n − 2 degrees of freedom, two or three on a small grid. t at n − 2 for all of it covers up to 100%
where items dominate; Satterthwaite's degrees of freedom cover 92% at n − 2 = 2. The quantile here runs from the normal
to t with the ill-known share w of V,

    k = z + (t_{n−2} − z) · w^(3/2),    w = V_run / V · min(1, V_run / V_int).

By numerical integration over all ratios of the variances (``tests/fitting/test_interval.py``) a nominal 95% covers
94.3–96.5% at n − 2 = 2 as long as run noise is no less than interaction, and up to 98.1% where next to all scatter is
interaction. Cochran & Cox (*Experimental Designs*, 1950) have w for w^(3/2), which covers 95.0–97.1%.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from relscale.fitting.ladder import Floats
from relscale.fitting.last_stage import Lines, lines
from relscale.fitting.spread import spread

THESE_ITEMS = "these items"
ITEM_POPULATION = "item population"
SCHEMES = {
    THESE_ITEMS: "t interval of the last stage",
    ITEM_POPULATION: "runs + items − interaction, t",
}

BISECTIONS = 60
LEAST_LOG_TAIL = -650.0  # exp of it is about the least that a double can hold


@dataclass(frozen=True)
class Interval:
    """Estimates with their uncertainty; arrays of one shape, nan where unknown.

    Attributes
    ----------
    value, stderr, low, high
        Estimate, standard error and limits.
    df
        Degrees of freedom of the runs, n − 2.
    share
        The share of the variance that is known to ``df`` only; 1 for these items.
    """

    value: Floats
    stderr: Floats
    low: Floats
    high: Floats
    df: Floats
    share: Floats

    @property
    def p_value(self) -> Floats:
        """Two-sided, of "it is 0": 1 − the level of the interval that just reaches 0, by bisection."""
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.abs(self.value) / self.stderr
        low, high = np.full_like(ratio, LEAST_LOG_TAIL), np.full_like(ratio, np.log(0.5))
        for _ in range(BISECTIONS):
            log_tail = (low + high) / 2
            beyond = -quantile(np.exp(log_tail), self.df, self.share) > ratio
            low, high = np.where(beyond, log_tail, low), np.where(beyond, high, log_tail)
        return np.where(np.isnan(ratio) | ~(self.df > 0), np.nan, 2 * np.exp((low + high) / 2))


@dataclass(frozen=True)
class ItemLines:
    """The last stage under B resamplings of the items.

    Attributes
    ----------
    level, slope
        (..., B) at the reference of the estimate's own line.
    interaction
        (...) mean residual variance of a replicate's deviation from the estimate.
    """

    level: Floats
    slope: Floats
    interaction: Floats


def item_lines(x: Floats, y: Floats, replicates: Floats, estimate: Lines) -> ItemLines:
    """Lines through each replicate, at the points that the estimate uses.

    A replicate that lacks one of those points is left out of everything.

    Parameters
    ----------
    x, y
        (P,) and (P, ...), as given to ``lines``.
    replicates
        (P, ..., B).
    """
    used = np.isfinite(y)
    whole = (np.isfinite(replicates) | ~used[..., None]).all(axis=0)
    deviations = np.where(used[..., None] & whole, replicates - y[..., None], np.nan)
    fitted = lines(x, deviations)
    known = np.isfinite(fitted.slope)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where(known, fitted.variance, 0)
        interaction = variance.sum(axis=-1) / known.sum(axis=-1)
    return ItemLines(
        level=estimate.level[..., None] + fitted.level,
        slope=estimate.slope[..., None] + fitted.slope,
        interaction=interaction,
    )


def slope(estimate: Lines, level: float, items: ItemLines | None = None) -> Interval:
    """Interval of the slopes: for these items, or where ``items`` is given for the population they come from."""
    return _interval(estimate, 0.0, 1.0, level, items)


def level_at(estimate: Lines, x: Floats, level: float, items: ItemLines | None = None) -> Interval:
    """Interval of the lines at x, as ``slope``."""
    return _interval(estimate, 1.0, x - estimate.reference, level, items)


def _interval(
    estimate: Lines, a: float, b: Floats | float, level: float, items: ItemLines | None
) -> Interval:
    """Interval of ``a·level + b·slope``."""
    value = a * estimate.level + b * estimate.slope
    variance = of_runs = estimate.variance * estimate.leverage(a, b)
    share = np.ones_like(variance)
    if items is not None:
        of_items = spread(a * items.level + np.asarray(b)[..., None] * items.slope) ** 2
        of_both = items.interaction * estimate.run_leverage(a, b)
        variance = np.maximum(np.maximum(of_runs, of_items), of_runs + of_items - of_both)
        share = ill_known_share(of_runs, of_both, variance)
    stderr = np.sqrt(variance)
    half = quantile((1 + level) / 2, estimate.df, share) * stderr
    return Interval(value, stderr, value - half, value + half, estimate.df, share)


def ill_known_share(of_runs: Floats, of_both: Floats, variance: Floats) -> Floats:
    """w of the quantile, from V_run, V_int and V; 1 where there is no variance at all."""
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = np.minimum(1, np.where(of_both > 0, of_runs / of_both, 1))
        return np.where(variance > 0, of_runs / variance * excess, np.where(variance == 0, 1.0, np.nan))


def quantile(probability: ArrayLike, df: Floats, share: ArrayLike = 1.0) -> Floats:
    """``z + (t_df − z) · share^(3/2)``: Student's t where all variance is ill known (share 1), normal where none is."""
    normal = ndtri(probability)
    t = stdtrit(np.where(df > 0, df, np.nan), probability)
    return normal + (t - normal) * np.asarray(share) ** 1.5
