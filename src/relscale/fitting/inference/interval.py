"""Intervals of the fitted lines, for each of two estimands.

**These items.** Runs vary, the items are fixed. The last stage is a straight line through n points, and its
contrast θ (slope, or level at some compute) has the t interval of n − 2 degrees of freedom,

    V_run = s² · q,    q = 1/Sxx for the slope, 1/n + z²/Sxx for the level at z,

regardless of the sources of noise (seed, budget, evaluation), as long as all points have the same variance. They do not
if a budget has more runs than the others, such as repeated seeds: with variances σ²·h_i, h_i = 1 / runs, the slope has
variance ``σ² Σ h_i z_i² / Sxx²`` while s² estimates ``σ² Σ h_i (1 − 1/n − z_i²/Sxx) / (n − 2)``. Three seeds at one
inner budget of four bring the plain interval down to 93.7%. The ratio of the two, q_run, is known; but noise of whole
budgets is not reduced by more runs and keeps q. So the larger of q and q_run is taken: 95.0–96.7% by simulation, with
either noise and any one budget repeated. Equal numbers of runs give the plain t interval.

Scatter of two or three degrees of freedom may by chance be far less than the points' own variances v_i allow, and the
t interval is then right on average over all scatters but not for the one at hand (``docs/explanation/coverage.md``,
"where scatter is little"). Where points state a variance, as the optima of IsoFLOP parabolas do,

    V_run = max(s² q, Σ w_i² v_i),    w_i = z_i / Sxx for the slope,

with the degrees of freedom of the larger. It covers more than nominal where the points differ in nothing else, and
less, 93% at four budgets, where they do; a quantile that is a mean of both, as below, gains 0.3% in the one case and
loses 1 to 2% in the other (``benchmarks/exponent_quantiles.py``).

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
where items dominate; Satterthwaite's degrees of freedom cover 92% at n − 2 = 2. The quantile here is the mean of the
normal one and of t, weighted by the variances that they belong to (Cochran and Cox, *Experimental Designs*, 1950):

    k = z + (t_{n−2} − z) · w,    w = V_run / V.

By numerical integration over all ratios of the variances (``tests/fitting/test_interval.py``) a nominal 95% covers
95.0–98.0% as long as run noise is no less than interaction, and up to 99.3% where next to all scatter is interaction.

Where items come in C clusters, such as files, clusters are what is resampled, and what is not run noise is known to
C − 1 degrees of freedom: the normal quantile above gives way to t_{C−1}.

**Points that share trainings.** Where points are checkpoints of one training, neither they nor the items' interaction
with them are independent. V_run and V_int are then the jackknife's variance over trainings, of the line and of the
replicates' deviations from it, and t has one degree of freedom less than there are trainings. The items' part is as
before. For these items, from ``ENOUGH_BLOCKS`` trainings on, t gives way to the quantile of a block bootstrap.
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
from relscale.fitting.status import OK, Remark, Status, choose

ENOUGH_BLOCKS = 10  # trainings from which on the quantile is that of a block bootstrap
FEWEST_BLOCKS = 5  # trainings below which no interval is to be trusted

BISECTIONS = 60
LEAST_LOG_TAIL = -650.0  # exp of it is about the least that a double can hold


@dataclass(frozen=True)
class Interval:
    """Estimates with intervals; arrays of one shape, nan where unknown.

    Attributes
    ----------
    value, stderr, low, high
        Estimate, standard error and limits.
    df
        Degrees of freedom of the runs' variance: n − 2, or those of the points' own variances.
    share
        The share of the variance that is known to ``df`` only; 1 for these items.
    items_df
        The degrees of freedom of the rest, inf where it is known well.
    drawn_p
        The p-value where it comes from a bootstrap, else None.
    status
        Remarks on the draws of a bootstrap, else None.
    failed
        How many of these draws failed.
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
        """Two-sided p-value of a true value of 0: 1 − the level of the interval whose limit is 0, by bisection."""
        if self.drawn_p is not None:
            return self.drawn_p
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.abs(self.value) / self.stderr
        low, high = np.full_like(ratio, LEAST_LOG_TAIL), np.full_like(ratio, np.log(0.5))
        for _ in range(BISECTIONS):
            log_tail = (low + high) / 2
            beyond = -quantile(np.exp(log_tail), self.df, self.share, self.items_df) > ratio
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
    covariance
        (3, ...) mean covariance of level and slope of these deviations, where points share trainings, else None.
    clusters
        (...) how many clusters the items come in, nan where each stands for itself; None where all do.
    """

    level: Floats
    slope: Floats
    interaction: Floats
    covariance: Floats | None = None
    clusters: Floats | None = None

    @property
    def df(self) -> Floats | float:
        """Degrees of freedom of the items' variance: clusters − 1, inf where items stand for themselves."""
        return (
            np.inf if self.clusters is None else np.where(np.isnan(self.clusters), np.inf, self.clusters - 1)
        )

    @cached_property
    def between(self) -> Floats:
        """(3, ...) variance of the level, covariance, variance of the slope over the resamplings; nan below two."""
        known = np.isfinite(self.slope)
        count = known.sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            level, slope = (
                np.where(
                    known,
                    estimate - np.where(known, estimate, 0).sum(axis=-1, keepdims=True) / count[..., None],
                    0,
                )
                for estimate in (self.level, self.slope)
            )
            moments = np.stack(
                [(a * b).sum(axis=-1) for a, b in ((level, level), (level, slope), (slope, slope))]
            )
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

    A replicate that lacks one of those points is left out of everything.

    Parameters
    ----------
    x, y, blocks
        (P,), (P, ...) and (P,), as given to ``lines``.
    replicates
        (P, ..., B).
    clusters
        (...) how many clusters the items come in, nan where each stands for itself.
    """
    used = np.isfinite(y)
    complete = (np.isfinite(replicates) | ~used[..., None]).all(axis=0)
    deviations = np.where(used[..., None] & complete, replicates - y[..., None], np.nan)
    fitted = lines(x, deviations, blocks=blocks)
    known = np.isfinite(fitted.slope)

    def mean(of_replicates: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            average: Floats = np.where(known, of_replicates, 0).sum(axis=-1) / known.sum(axis=-1)
            return average

    return ItemLines(
        level=estimate.level[..., None] + fitted.level,
        slope=estimate.slope[..., None] + fitted.slope,
        interaction=mean(fitted.variance),
        covariance=None if fitted.covariance is None else mean(fitted.covariance),
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
    if not clusters < FEWEST_BLOCKS:  # nan where items stand for themselves
        return None
    return Remark(
        Status.TOO_FEW_CLUSTERS,
        f"too few clusters of items for a reliable population interval: {clusters:.0f}",
    )


def too_few_blocks(estimate: Lines, *at: int) -> Remark | None:
    """The same of line ``at``; None where each of its points has a training of its own."""
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
    """Interval of the lines at x, as ``slope``."""
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
    """The larger of the scatter's variance and that of the points themselves, with its degrees of freedom."""
    scatter = estimate.variance_of(a, b)
    point_variance, df = estimate.point_variance_of(a, b)
    larger = (point_variance > scatter) & (df > 0)
    return np.where(larger, point_variance, scatter), np.where(larger, df, estimate.df)


def choose_interval(condition: NDArray[np.bool_], interval: Interval, otherwise: Interval) -> Interval:
    """``numpy.where`` of intervals."""
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
    """Interval of ``a·level + b·slope`` for these items, symmetric studentised over draws of whole trainings.

    With ``value`` it is that of an estimate of which this is the expansion to first order, but for a constant. The
    p-value is ``(1 + draws with |t*| ≥ |t|) / (1 + draws)``, so never less than 1 / (1 + draws).
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
    """``V_run / V``, the weight of t in the quantile; 1 where there is no variance at all."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(variance > 0, of_runs / variance, np.where(variance == 0, 1.0, np.nan))


def quantile(
    probability: ArrayLike, df: Floats, share: ArrayLike = 1.0, rest_df: Floats | float = np.inf
) -> Floats:
    """``z + (t_df − z) · share``: Student's t where all variance is ill known (share 1), normal where none is.

    Where the rest of the variance is itself known to ``rest_df`` degrees of freedom, z is Student's t at these.
    """
    from scipy.special import ndtri, stdtrit

    rest = ndtri(probability)
    if np.isfinite(rest_df).any():
        known = np.where(np.greater(rest_df, 0), rest_df, np.nan)
        rest = np.where(np.isinf(rest_df), rest, stdtrit(known, probability))
    t = stdtrit(np.where(df > 0, df, np.nan), probability)
    quantile: Floats = rest + (t - rest) * np.asarray(share)
    return quantile
