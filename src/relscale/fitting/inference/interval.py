"""Intervals of the fitted lines, for each of two estimands.

**These items.** The runs are a sample and the items are fixed. A line through n points estimates a contrast θ, which is
its slope or its level at some compute. With Student's t of n − 2 degrees of freedom, its variance is

    V_run = s² · q,    q = 1/Sxx for the slope, 1/n + z²/Sxx for the level at z,

whatever the sources of noise (seed, budget, evaluation), if all points have the same variance. If budgets differ in
their number of runs, for example because of repeated seeds, point i has the variance σ²·h_i with h_i = 1 / runs. The
slope then has the variance ``σ² Σ h_i z_i² / Sxx²``, and s² estimates ``σ² Σ h_i (1 − 1/n − z_i²/Sxx) / (n − 2)``; the
ratio of the two is q_run. Noise of whole budgets is not reduced by more runs and still has q. Therefore the larger of q
and q_run is used. Coverage of nominal 95% by simulation, with either kind of noise and any one budget repeated, is
95.0–96.7%; with q alone, it falls to 93.7% for three seeds at one inner budget of four.

With two or three degrees of freedom, the scatter s² may by chance be far smaller than the points' own variances v_i
imply. The t interval is right on average over such chances but too narrow in these cases
(``docs/explanation/coverage.md``, "where scatter is little"). If v_i are known, as for the optima of IsoFLOP parabolas,
the points state the variance V_stated = Σ w_i² v_i, w_i = z_i / Sxx for the slope, with ν degrees of freedom. Other
differences between the points can only add to the scatter. If s² q is smaller, both estimate one variance and are
pooled:

    V_run = s² q                                           where s² q ≥ V_stated, with n − 2 degrees of freedom
    V_run = ((n − 2) s² q + ν V_stated) / (n − 2 + ν)      elsewhere, with n − 2 + ν

Coverage of nominal 95%, if v_i is the only noise, is 97% if all v_i are equal and up to 99% on the published grid;
at four budgets that differ further it is 92.9 to 95.4%. No other interval than t is exact in every case
(``docs/explanation/intervals.md``).

**Item population.** The items are a sample too, the same for all runs: items and runs are crossed, not nested. To first
order, ln G at point i is a mean over J items of

    u_ij = a_j + b_j·z_i + r_i + e_ij

where a_j and b_j are the level and slope of item j, r_i is the run noise common to all items and e_ij the interaction,
with variances σ_b², σ_r² and σ_e². For the slope (for other contrasts, q differs),

    Var(slope) = σ_b²/J + (σ_r² + σ_e²/J)·q          the variance to estimate
    E V_run    =          (σ_r² + σ_e²/J)·q          from the scatter of n points
    E V_item   = σ_b²/J + (σ_e²/J)·q                 variance of the slope over resamplings of the items

V_run + V_item counts σ_e²/J twice. Resampling b moves the points by d_b,i = ln G_b(F_i) − ln G(F_i), which is free of
r_i. The scatter of d_b around its own line therefore estimates the interaction, E s²(d_b) = σ_e²/J, and

    V_int = mean over b of s²(d_b) · q,
    V     = max(V_run, V_item, V_run + V_item − V_int).

The maximum is taken because Var(slope) is at least either part.

**The quantile.** V_item and V_int are known accurately (there are many items and resamplings); V_run has only n − 2
degrees of freedom, two or three on a small grid. Student's t at n − 2 for all of V covers up to 100% if items dominate;
with Satterthwaite's degrees of freedom, coverage is 92% at n − 2 = 2. The quantile used is the mean of the normal and
the t quantile, weighted by their variances (Cochran and Cox, *Experimental Designs*, 1950):

    k = z + (t_{n−2} − z) · w,    w = V_run / V.

By numerical integration over all ratios of the variances (``tests/fitting/test_interval.py``), nominal 95% intervals
cover 95.0–98.0% if run noise is at least as large as the interaction, and up to 99.3% if nearly all scatter is
interaction.

If items come in C clusters, such as files, clusters are resampled. The variance of the items then has C − 1 degrees of
freedom, and t_{C−1} takes the place of the normal quantile. C is their effective number, which is smaller than their
number if a few have most of the items (``relscale.measurements.metrics``): with one cluster of 40 items and 25 of 4,
intervals with t_25 cover 92% (docs/explanation/coverage.md).

**Points that share training runs.** Checkpoints of one training run are not independent, nor is their interaction with
the items. V_run and V_int are then jackknife variances over the training runs, of the line and of the replicates'
deviations from it; t has one degree of freedom fewer than there are training runs, and V_item is unchanged. For these
items, from ``ENOUGH_BLOCKS`` training runs, the quantile is that of a block bootstrap instead of t.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference.bootstrap.blocks import BlockLines, quadratic
from relscale.fitting.inference.bootstrap.limits import SYMMETRIC, limits
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.log_log_lines import SMALLEST, Lines, lines
from relscale.fitting.inference.method import Method
from relscale.fitting.inference.spread import known_mean
from relscale.fitting.status import OK, Remark, Status, choose

ENOUGH_BLOCKS = 10  # training runs; with fewer, the quantile is that of t instead of a block bootstrap
FEWEST_BLOCKS = 5  # training runs; with fewer, intervals are flagged as unreliable

BISECTIONS = 60
LEAST_LOG_TAIL = -650.0  # its exponential is near the smallest positive double


@dataclass(frozen=True)
class Interval:
    """Estimates with intervals; arrays of one shape, nan if unknown.

    Attributes
    ----------
    df
        Degrees of freedom of the runs' variance: n − 2, or those of the points' own variances.
    share
        The runs' share of the variance, which has ``df`` degrees of freedom; 1 for these items.
    items_df
        Degrees of freedom of the remaining variance; inf if it is taken as known.
    drawn_p
        The p-value if it comes from a bootstrap, else None.
    status
        Remarks on the draws of a bootstrap, else None.
    """

    value: Floats
    stderr: Floats
    low: Floats
    high: Floats
    df: Floats
    share: Floats
    items_df: Floats | float = np.inf
    drawn_p: Floats | None = None
    status: NDArray[np.object_] | None = None
    failed: int = 0

    def moved_to(self, value: Floats) -> "Interval":
        """The interval shifted to ``value``."""
        by = value - self.value
        return replace(self, value=value, low=self.low + by, high=self.high + by)

    @property
    def p_value(self) -> Floats:
        """Two-sided p-value of a true value of 0: 1 − the level of the interval whose limit is 0.

        The tail of Student's t if all of the variance has ``df``, else by bisection.
        """
        from scipy.special import stdtr

        if self.drawn_p is not None:
            return self.drawn_p
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.abs(self.value) / self.stderr
        known = ~np.isnan(ratio) & (self.df > 0) & np.greater(self.items_df, 0)
        if np.all(self.share == 1):
            tail = stdtr(np.where(known, self.df, 1.0), -ratio)
            return np.where(known, 2 * np.maximum(tail, np.exp(LEAST_LOG_TAIL)), np.nan)
        low, high = np.full_like(ratio, LEAST_LOG_TAIL), np.full_like(ratio, np.log(0.5))
        for _ in range(BISECTIONS):
            log_tail = (low + high) / 2
            beyond = -quantile(np.exp(log_tail), self.df, self.share, self.items_df) > ratio
            low, high = np.where(beyond, log_tail, low), np.where(beyond, high, log_tail)
        return np.where(known, 2 * np.exp((low + high) / 2), np.nan)


@dataclass(frozen=True)
class ItemLines:
    """The fitted lines under B resamplings of the items.

    Attributes
    ----------
    level, slope
        (..., B) at the reference of the estimate's own line.
    interaction
        (...) mean residual variance of a replicate's deviation from the estimate.
    covariance
        (3, ...) mean covariance of level and slope of these deviations if points share training runs, else None.
    clusters
        (...) number of clusters of the items, nan for independent items; None if all items are independent.
    """

    level: Floats
    slope: Floats
    interaction: Floats
    covariance: Floats | None = None
    clusters: Floats | None = None

    @property
    def df(self) -> Floats | float:
        """Degrees of freedom of the items' variance: clusters − 1, inf for independent items."""
        return (
            np.inf if self.clusters is None else np.where(np.isnan(self.clusters), np.inf, self.clusters - 1)
        )

    @cached_property
    def between(self) -> Floats:
        """(3, ...) variance of the level, covariance, variance of the slope over the resamplings; nan with fewer than
        two."""
        known = np.isfinite(self.slope)
        count = known.sum(axis=-1)
        level, slope = (
            np.where(known, estimate - known_mean(estimate, known, -1)[..., None], 0)
            for estimate in (self.level, self.slope)
        )
        moments = np.stack(
            [(a * b).sum(axis=-1) for a, b in ((level, level), (level, slope), (slope, slope))]
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(count > 1, moments / (count - 1), np.nan)

    def interaction_variance(self, estimate: Lines, level: Floats | float, slope: Floats | float) -> Floats:
        """V_int of ``level·(fitted level) + slope·(fitted slope)``."""
        if self.covariance is not None:
            return quadratic(self.covariance, level, slope)
        return self.interaction * estimate.run_leverage(level, slope)


def item_lines(
    x: Floats,
    y: Floats,
    replicates: Floats,
    estimate: Lines,
    blocks: Sequence[str] | None = None,
    clusters: Floats | None = None,
) -> ItemLines:
    """Lines through each replicate, at the points that the estimate uses.

    Replicates that lack one of these points are excluded.

    Parameters
    ----------
    x, y, blocks
        (P,), (P, ...) and (P,), as given to ``lines``.
    replicates
        (P, ..., B).
    clusters
        (...) number of clusters of the items, nan for independent items.
    """
    used = np.isfinite(y)
    complete = (np.isfinite(replicates) | ~used[..., None]).all(axis=0)
    deviations = np.where(used[..., None] & complete, replicates - y[..., None], np.nan)
    fitted = lines(x, deviations, blocks=blocks)
    known = np.isfinite(fitted.slope)
    return ItemLines(
        level=estimate.level[..., None] + fitted.level,
        slope=estimate.slope[..., None] + fitted.slope,
        interaction=known_mean(fitted.variance, known, -1),
        covariance=None if fitted.covariance is None else known_mean(fitted.covariance, known, -1),
        clusters=clusters,
    )


def too_few_trainings(trainings: float) -> Remark | None:
    """A remark on intervals whose points come from too few training runs, else None."""
    if trainings >= FEWEST_BLOCKS:
        return None
    return Remark(
        Status.TOO_FEW_TRAININGS,
        f"too few training runs for a reliable interval: {trainings:.0f}",
    )


def too_few_clusters(clusters: float) -> Remark | None:
    """A remark on population intervals with too few clusters of items, else None."""
    if not clusters < FEWEST_BLOCKS:  # nan for independent items
        return None
    return Remark(
        Status.TOO_FEW_CLUSTERS,
        f"too few clusters of items for a reliable population interval: effectively {clusters:.3g}",
    )


def too_few_blocks(estimate: Lines, *at: int) -> Remark | None:
    """A remark on line ``at`` if its points come from too few training runs; None if none of them share one."""
    return None if estimate.blocks is None else too_few_trainings(float(estimate.blocks[at]))


def too_few_points(n: int, reasons: str = "") -> Remark:
    """A remark on a line through too few points for an interval."""
    return Remark(Status.TOO_FEW_POINTS, f"{n} point{'s' * (n != 1)}; an interval needs {SMALLEST}{reasons}")


def method_of(shared: bool, estimand: Estimand) -> Method:
    """Method of a line's t interval, for independent points or ``shared`` training runs."""
    if estimand == Estimand.ITEM_POPULATION:
        return Method.JACKKNIFE_AND_ITEMS if shared else Method.LINE_AND_ITEMS
    return Method.JACKKNIFE if shared else Method.LINE


def slope(estimate: Lines, level: float, items: ItemLines | None = None) -> Interval:
    """Interval of the slopes: for these items, or for their population if ``items`` is given."""
    return linear_combination(estimate, 0.0, 1.0, level, items)


def level_at(estimate: Lines, x: Floats, level: float, items: ItemLines | None = None) -> Interval:
    """Interval of the lines at x, for the same estimands as ``slope``."""
    return linear_combination(estimate, 1.0, x - estimate.reference, level, items)


def linear_combination(
    estimate: Lines, a: Floats | float, b: Floats | float, level: float, items: ItemLines | None = None
) -> Interval:
    """Interval of ``a·level + b·slope``."""
    value = a * estimate.level + b * estimate.slope
    of_runs, df = _run_variance(estimate, a, b)
    variance = of_runs
    share = np.ones_like(variance)
    items_df: Floats | float = np.inf
    if items is not None:
        of_items = quadratic(items.between, a, b)
        of_both = items.interaction_variance(estimate, a, b)
        variance = np.maximum(np.maximum(of_runs, of_items), of_runs + of_items - of_both)
        share = ill_known_share(of_runs, variance)
        items_df = items.df
    stderr = np.sqrt(variance)
    half = quantile((1 + level) / 2, df, share, items_df) * stderr
    return Interval(value, stderr, value - half, value + half, df, share, items_df)


def _run_variance(estimate: Lines, a: Floats | float, b: Floats | float) -> tuple[Floats, Floats]:
    """V_run of the module's formula, with its degrees of freedom."""
    scatter, of_scatter = estimate.variance_of(a, b), estimate.df
    stated, of_stated = estimate.point_variance_of(a, b)
    pooled = (stated > scatter) & (of_stated > 0)
    df = np.where(pooled, of_scatter + of_stated, of_scatter)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (of_scatter * scatter + of_stated * stated) / df
    return np.where(pooled, mean, scatter), df


def choose_interval(condition: NDArray[np.bool_], interval: Interval, otherwise: Interval) -> Interval:
    """``interval`` where the condition is true, else ``otherwise``; elementwise, like ``numpy.where``."""
    names = ("value", "stderr", "low", "high", "df", "share", "items_df")
    selected = Interval(
        *(np.where(condition, getattr(interval, name), getattr(otherwise, name)) for name in names)
    )
    if interval.drawn_p is None and otherwise.drawn_p is None:
        return selected
    return replace(
        selected,
        drawn_p=np.where(condition, interval.p_value, otherwise.p_value),
        status=choose(
            condition, *(OK if option.status is None else option.status for option in (interval, otherwise))
        ),
    )


def bootstrapped(
    estimate: Lines,
    draws: BlockLines,
    a: Floats | float,
    b: Floats | float,
    level: float,
    value: Floats | None = None,
) -> Interval:
    """Interval of ``a·level + b·slope`` for these items: symmetric studentised limits over draws of training runs.

    If ``value`` is given, the interval is that of a nonlinear estimate with this value, whose first-order expansion in
    level and slope is ``a·level + b·slope`` plus a constant. The p-value is
    ``(1 + draws with |t*| ≥ |t|) / (1 + draws)``, so never less than 1 / (1 + draws).
    """
    linear = a * estimate.level + b * estimate.slope
    value = linear if value is None else value
    stderr = np.sqrt(estimate.variance_of(a, b))
    of_level, of_slope = np.asarray(a)[..., None], np.asarray(b)[..., None]
    of_draws = of_level * draws.level + of_slope * draws.slope + (value - linear)[..., None]
    draw_stderr = np.sqrt(draws.variance(of_level, of_slope))
    symmetric_limits = limits(value, of_draws, level, SYMMETRIC, stderr=stderr, draw_stderr=draw_stderr)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.abs(of_draws - value[..., None]) / draw_stderr
        beyond = np.sum(t >= np.abs(value / stderr)[..., None], axis=-1)
    p_value = np.where(
        np.isfinite(symmetric_limits.low), (1 + beyond) / (1 + np.isfinite(t).sum(axis=-1)), np.nan
    )
    return Interval(
        value=value,
        stderr=stderr,
        low=symmetric_limits.low,
        high=symmetric_limits.high,
        df=estimate.df,
        share=np.ones_like(stderr),
        drawn_p=p_value,
        status=symmetric_limits.status,
        failed=int(symmetric_limits.failed.max(initial=0)),
    )


def ill_known_share(of_runs: Floats, variance: Floats) -> Floats:
    """``V_run / V``, the weight of t in the quantile; 1 if both are 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(variance > 0, of_runs / variance, np.where(variance == 0, 1.0, np.nan))


def quantile(
    probability: ArrayLike, df: Floats, share: ArrayLike = 1.0, rest_df: Floats | float = np.inf
) -> Floats:
    """``z + (t_df − z) · share``: the quantile of Student's t if ``share`` is 1, and the normal one if it is 0.

    If ``rest_df`` is finite, z is the quantile of Student's t with ``rest_df`` degrees of freedom.
    """
    from scipy.special import ndtri

    rest = ndtri(probability)
    if np.isfinite(rest_df).any():
        rest = np.where(np.isinf(rest_df), rest, _t_quantile(np.asarray(rest_df), probability))
    t = _t_quantile(np.asarray(df), probability)
    quantile: Floats = rest + (t - rest) * np.asarray(share)
    return quantile


def _t_quantile(df: Floats, probability: ArrayLike) -> Floats:
    """The quantile of Student's t; nan without degrees of freedom. Many simulated lines have the same ``df``."""
    from scipy.special import stdtrit

    known = np.where(df > 0, df, np.nan)
    if np.ndim(probability):
        return np.asarray(stdtrit(known, probability))
    distinct, which = np.unique(known, return_inverse=True)
    return np.asarray(stdtrit(distinct, probability)[which].reshape(df.shape))
