"""Partial pooling of many small groups: each group's Δβ is shrunk towards their mean according to its uncertainty.

    b_j = δ_j + c + e_j,    δ_j ~ N(μ, τ²),    Var(e_j) = v_j,    Var(c) = v_c

b_j is the slope of ln G of group j, δ_j its Δβ, e_j its own error, and c an error that all groups share because they
are scored on the same models against the same baseline. Since μ is free, c does not affect the pooling, and v_c is
added to each posterior variance. v_c is estimated from the line through the groups' mean curve, and v_j from the line
through each group's deviation from that mean. The e_j are treated as independent. If some groups are more similar than
others, the intervals are valid on average over groups but not for each group.

The covariance of e_j and c is not 0 for a group near the baseline. With V_j the variance of the slope of the group's
own curve, it is estimated as ``(V_j − v_j − v_c) / 2``. It is 0 on average over groups and shrunk towards 0 by the
sampling variance that these estimates would have if all were 0. Twice the shrunk covariance is added to the posterior
variance, times the weight of b_j in the posterior mean.

* v_j from a few points is uncertain. It is shrunk towards a common variance s0² (Smyth 2004),
  ``(d0·s0² + d·v_j) / (d0 + d)`` with d0 + d degrees of freedom, where d0 is larger the less the v_j scatter.
* τ is integrated out, under a flat prior for μ and τ. Given τ, with ``w_j = 1 / (τ² + v_j)`` and ``B_j = v_j·w_j``,

      μ | τ ~ (Σ w_j·b_j / Σ w_j, 1 / Σ w_j),    δ_j | τ ~ (B_j·μ + (1 − B_j)·b_j,  v_j·(1 − B_j) + B_j² / Σ w_j)

  as mean and variance. The weight of τ is ``Π √w_j · (Σ w_j)^(−1/2)`` times Student densities of b_j around μ, so that
  v_j that are too small by chance are not mistaken for differences between groups.
* The interval is mean ∓ k·sd of the mixture over τ, with v_c added. k is the mean of three quantiles, weighted by their
  variances, as for a single line (``relscale.fitting.inference.interval``): t at d0 + d for the runs' part of v_j; the
  normal quantile, or t at clusters − 1, for the items' part; and the quantile of c for v_c. If the groups' own
  intervals are from a block bootstrap, k is multiplied by the mean ratio of its quantile to that of t.

By simulation with 8 or 57 groups, 4, 7 or 22 points, equal or unequal variances, and shared noise or none, nominal 95%
intervals of Δβ cover 92–98% on average over groups, and up to 100% if the groups do not differ; those of μ cover
92–100%, and those of τ 89–98% (an interval of τ never contains 0). On average, they are 0.2 to 0.97 times as wide as
the groups' own intervals; for the 56 subjects of MMLU and 22 training runs (Gemstones) 0.99 times, and for a single
subject up to 1.6 times.

Sources: Morris, *Parametric empirical Bayes inference*, 1983; Smyth, *Linear models and empirical Bayes methods for
assessing differential expression*, 2004, section 6; Gelman, *Prior distributions for variance parameters in
hierarchical models*, 2006.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relscale.experiments.section import Names, Section
from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference import interval
from relscale.fitting.inference.direction import direction
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.line_with_intervals import curve_intervals, curve_items
from relscale.fitting.inference.log_log_lines import Lines, curve_lines, lines
from relscale.fitting.inference.method import Method
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.inference.points_remark import points_remark
from relscale.fitting.settings import Settings
from relscale.fitting.status import Remark, Status
from relscale.laws import relative
from relscale.storage.rows import fields_of

TABLE, ROW = "fits", ParameterRow

ALL_GROUPS = "all groups"
MEAN, SD = "delta_beta_mean", "delta_beta_sd"
FEWEST = 3  # groups
GRID = 400  # values of τ
LEAST_SHARE = 0.1  # of the smaller of two variances, left in their sum if their errors are nearly opposite
MANY = 1e12  # degrees of freedom at which t is normal


class Options(Section):
    """Options of partial pooling."""

    pooling: Names = Field(
        default=(), description="Suites of many small groups, whose Δβ are partially pooled."
    )


@dataclass(frozen=True)
class Pooled:
    """Posterior of the groups' slopes; J groups.

    Attributes
    ----------
    value, stderr, low, high
        (J,) posterior of each group.
    mean, mean_stderr, mean_low, mean_high
        Posterior of μ.
    sd, sd_low, sd_high
        Posterior of τ: median and quantiles.
    """

    value: Floats
    stderr: Floats
    low: Floats
    high: Floats
    mean: float
    mean_stderr: float
    mean_low: float
    mean_high: float
    sd: float
    sd_low: float
    sd_high: float


def rows(curves: Curves, settings: Settings) -> list[ParameterRow]:
    """Rows of "delta_beta" for each group of the suites to pool, and of the mean and spread of all of them.

    Groups without some of the points that most others have are not pooled; their status states it.
    """
    if curves.quantity != RATIO:
        return []
    pooling = settings.of(Options).pooling
    sets: dict[Any, list[int]] = {}
    for j, key in enumerate(curves.keys):
        if key.suite in pooling:
            sets.setdefault(replace(key, group=None), []).append(j)
    return [row for columns in sets.values() for row in _rows(curves, columns, settings)]


def _rows(curves: Curves, columns: list[int], settings: Settings) -> list[ParameterRow]:
    """Rows of the groups in ``columns`` and of their mean and spread, for each estimand that the curves have."""
    used = np.isfinite(curves.value[:, columns])
    patterns, which, count = np.unique(used, axis=1, return_inverse=True, return_counts=True)
    pooled = np.array(columns)[which.ravel() == np.argmax(count)]
    points = patterns[:, np.argmax(count)]
    estimate = curve_lines(curves)
    estimands = [Estimand.THESE_ITEMS]
    if curves.replicates.shape[-1]:
        estimands.append(Estimand.ITEM_POPULATION)
    rows: list[ParameterRow] = []
    for estimand in estimands:
        of_items = estimand == Estimand.ITEM_POPULATION
        posterior = None
        if len(pooled) >= FEWEST and np.isfinite(estimate.slope[pooled]).all():
            quantile_ratio = 1.0 if of_items else _quantile_ratio(curves, pooled, settings)
            posterior = _pooled(curves, pooled, points, of_items, settings.level, quantile_ratio)
        common = ParameterRow(
            **fields_of(replace(curves.keys[columns[0]], group=ALL_GROUPS)),
            law=relative.LINE.name,
            predictor="training_flops",
            level=settings.level,
            n=int(points.sum()),
            method=Method.PARTIAL_POOLING,
            method_note=f"{len(pooled)} groups, spread integrated out, t",
            estimand=estimand,
            status=Status.OK,
        )
        rows += _group_rows(curves, estimate, columns, pooled, posterior, settings.level, common)
        if posterior is not None:
            remark = _remark(curves, estimate, int(pooled[0]), of_items)
            rows += _summary_rows(posterior, replace(common, **fields_of(remark)))
    return rows


def _group_rows(
    curves: Curves,
    estimate: Lines,
    columns: list[int],
    pooled: NDArray[np.int64],
    posterior: Pooled | None,
    level: float,
    common: ParameterRow,
) -> Iterator[ParameterRow]:
    """A row per group of ``columns``: its posterior, or why it has none; ``pooled`` are the groups of the posterior."""
    of_items = common.estimand == Estimand.ITEM_POPULATION
    items = curve_items(curves, estimate) if of_items else None
    ends = [
        interval.level_at(estimate, at, level, items)
        for at in (estimate.low, estimate.reference, estimate.high)
    ]
    index = {int(j): i for i, j in enumerate(pooled)}
    for j in columns:
        row = replace(common, **fields_of(curves.keys[j]), parameter=relative.LINE.slope)
        remark = _remark(curves, estimate, j, of_items)
        if j not in index:
            note = f"not pooled, because most groups have other points; {remark}"
            yield replace(row, status=Status.NOT_POOLED, note=note)
        elif posterior is None:
            note = f"only {len(pooled)} groups; pooling needs {FEWEST} with a slope"
            yield replace(row, status=Status.TOO_FEW_GROUPS, note=note)
        else:
            i = index[j]
            limits = float(posterior.low[i]), float(posterior.high[i])
            yield replace(
                row,
                value=posterior.value[i],
                stderr=posterior.stderr[i],
                low=limits[0],
                high=limits[1],
                reference_flops=np.exp(estimate.reference[j]),
                flops_low=np.exp(estimate.low[j]),
                flops_high=np.exp(estimate.high[j]),
                interval_direction=direction(limits, [(end.low[j], end.high[j]) for end in ends]),
                **fields_of(remark),
            )


def _summary_rows(posterior: Pooled, common: ParameterRow) -> list[ParameterRow]:
    """The rows of the groups' mean and of their standard deviation."""
    mean = replace(
        common,
        parameter=MEAN,
        value=posterior.mean,
        stderr=posterior.mean_stderr,
        low=posterior.mean_low,
        high=posterior.mean_high,
    )
    spread = replace(common, parameter=SD, value=posterior.sd, low=posterior.sd_low, high=posterior.sd_high)
    return [mean, spread]


def _remark(curves: Curves, estimate: Lines, j: int, of_items: bool) -> Remark:
    """The remark on the group's own interval."""
    few = interval.too_few_blocks(estimate, j)
    if few is None and of_items and curves.clusters is not None:
        few = interval.too_few_clusters(float(curves.clusters[j]))
    return few or points_remark(curves, j)


def _quantile_ratio(curves: Curves, selected: NDArray[np.int64], settings: Settings) -> float:
    """Mean ratio of the quantile of the groups' own intervals, for these items, to that of t; 1 without a bootstrap."""
    slope = next(
        curve_intervals(curves.select(np.isin(np.arange(len(curves.keys)), selected)), settings)
    ).slope
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (
            (slope.high - slope.low)
            / 2
            / slope.stderr
            / interval.quantile((1 + settings.level) / 2, slope.df)
        )
    return float(np.nanmean(ratio)) if np.isfinite(ratio).any() else 1.0


def _pooled(
    curves: Curves,
    selected: NDArray[np.int64],
    points: NDArray[np.bool_],
    of_items: bool,
    level: float,
    quantile_ratio: float,
) -> Pooled:
    """Estimate v_c from the mean curve and v_j from the deviations from it, and pool."""
    x, blocks = curves.log_flops[points], [curves.blocks[i] for i in np.flatnonzero(points)]
    at = np.ix_(points, selected)
    y, y_specific = _mean_and_deviations(curves.value[at])
    noise = curves.noise[at]
    without = without_specific = None
    if curves.without is not None:
        without, without_specific = _mean_and_deviations(curves.without[at])
    shared = lines(x, y, noise.mean(axis=1, keepdims=True), blocks, without=without)
    line = lines(x, y_specific, noise, blocks, without=without_specific)
    items_shared = items_specific = None
    if of_items:
        draws, draws_specific = _mean_and_deviations(curves.replicates[at])
        clusters = None if curves.clusters is None else curves.clusters[selected]
        fewest = None if clusters is None else np.fmin.reduce(clusters)[None]
        items_shared = interval.item_lines(x, y, draws, shared, blocks, fewest)
        items_specific = interval.item_lines(x, y_specific, draws_specific, line, blocks, clusters)

    groups = len(selected)
    mean_interval = interval.slope(shared, level, items_shared)
    run_variance = interval.slope(line, level).stderr ** 2
    deviation_interval = interval.slope(line, level, items_specific)
    moderated, df = moderate(run_variance * groups / (groups - 1), float(line.df[0]))
    v = moderated + (deviation_interval.stderr**2 - run_variance) * groups / (groups - 1)
    full = lines(
        x, curves.value[at], noise, blocks, without=None if curves.without is None else curves.without[at]
    )
    items_full = None
    if of_items:
        items_full = interval.item_lines(x, curves.value[at], curves.replicates[at], full, blocks, clusters)
    covariance_excess = (
        interval.slope(full, level, items_full).stderr ** 2
        - deviation_interval.stderr**2
        - mean_interval.stderr**2
    )
    by_chance = run_variance * interval.slope(shared, level).stderr ** 2 / line.df
    covariance = _shrunk(covariance_excess / 2, by_chance)
    share = interval.ill_known_share(moderated, v)
    v_c = max(0.0, float(mean_interval.stderr[0]) ** 2 - float(v.mean()) / groups)
    tail = (1 + level) / 2
    k = interval.quantile(tail, np.full(groups, min(df, MANY)), share, deviation_interval.items_df)
    k_c = float(interval.quantile(tail, mean_interval.df, mean_interval.share, mean_interval.items_df)[0])
    k_df = _satterthwaite(share, df, deviation_interval.items_df)
    k, k_c = k * quantile_ratio, k_c * quantile_ratio
    return pool(shared.slope + line.slope, v, k_df, k, level, v_c, k_c, covariance)


def _shrunk(covariance: Floats, by_chance: Floats) -> Floats:
    """Covariances (J,) shrunk towards 0; ``by_chance`` is the variance that their estimates have if they are 0."""
    spread = float(np.mean(covariance**2))
    return covariance * (max(0.0, 1 - float(np.mean(by_chance)) / spread) if spread > 0 else 0.0)


def _mean_and_deviations(of_groups: Floats) -> tuple[Floats, Floats]:
    """Mean over the groups, (P, 1, ...), and each group's deviation from it, (P, J, ...)."""
    mean = of_groups.mean(axis=1, keepdims=True)
    return mean, of_groups - mean


def _satterthwaite(share: Floats, df: float, rest_df: Floats | float) -> Floats:
    """Degrees of freedom (J,) of variances: ``df`` for the part ``share``, ``rest_df`` for the rest."""
    with np.errstate(divide="ignore"):
        return np.asarray(1 / (share**2 / df + (1 - share) ** 2 / rest_df))


def moderate(variance: Floats, df: float) -> tuple[Floats, float]:
    """Shrink variances (J,), each with ``df`` degrees of freedom, towards a common value; also returns the new df.

    d0 and s0² come from the mean and variance of ln v (Smyth 2004, section 6.2). If ln v scatters no more than
    estimates of a single variance do, all variances become equal and df infinite.
    """
    from scipy.special import digamma, polygamma

    log_variance = np.log(np.maximum(variance, np.finfo(float).tiny))
    log_scale = log_variance - digamma(df / 2) + np.log(df / 2)
    excess = float(log_scale.var(ddof=1)) - float(polygamma(1, df / 2))
    if not excess > 0:
        return np.full_like(variance, np.exp(log_scale.mean())), np.inf
    low, high = np.log(1e-6), np.log(1e6)
    for _ in range(60):  # trigamma(d0 / 2) = excess
        middle = (low + high) / 2
        low, high = (middle, high) if polygamma(1, np.exp(middle)) > excess else (low, middle)
    d0 = 2 * float(np.exp(low))
    s0 = np.exp(log_scale.mean() + digamma(d0 / 2) - np.log(d0 / 2))
    return (d0 * s0 + df * variance) / (d0 + df), d0 + df


def pool(
    b: Floats,
    v: Floats,
    df: Floats,
    k: Floats,
    level: float,
    v_c: float = 0.0,
    k_c: float = 0.0,
    covariance: Floats | float = 0.0,
) -> Pooled:
    """Posterior of δ_j, μ and τ.

    Parameters
    ----------
    b, v, df
        (J,) slopes, variances of their errors e_j, and degrees of freedom of these variances.
    k
        (J,) quantiles of the errors e_j, for the intervals.
    v_c, k_c
        Variance of the shared error c, and its quantile.
    covariance
        (J,) covariance of e_j and c.
    """
    u = (np.arange(GRID) + 0.5) / GRID
    scale = max(float(b.std(ddof=1)), np.finfo(float).tiny)
    tau = scale * u / (1 - u)
    w = 1 / (tau[:, None] ** 2 + v)  # (GRID, J)
    variance = 1 / w.sum(axis=1)
    mu = variance * (w @ b)
    squares = w * (b - mu[:, None]) ** 2
    with np.errstate(invalid="ignore"):
        density = np.where(np.isinf(df), squares / 2, (df + 1) / 2 * np.log1p(squares / df))
    weight = np.log(w).sum(axis=1) / 2 + np.log(variance) / 2 - density.sum(axis=1) - 2 * np.log(1 - u)
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()

    shrink = v * w
    mixture = _mixture(
        weight,
        shrink * mu[:, None] + (1 - shrink) * b,
        v * (1 - shrink) + shrink**2 * variance[:, None],
        (k, v_c, k_c),
        2 * (weight @ (1 - shrink)) * covariance,
    )
    group_weight = weight @ w  # of each group in μ
    k_mean = np.array([(group_weight * k).sum() / group_weight.sum()])
    total = _mixture(weight, mu[:, None], variance[:, None], (k_mean, v_c, k_c))
    share = np.cumsum(weight) - weight / 2
    sd_low, sd, sd_high = np.interp([(1 - level) / 2, 0.5, (1 + level) / 2], share, tau)
    mean, mean_stderr, mean_low, mean_high = (float(number[0]) for number in total)
    return Pooled(*mixture, mean, mean_stderr, mean_low, mean_high, float(sd), float(sd_low), float(sd_high))


def _mixture(
    weight: Floats,
    means: Floats,
    variances: Floats,
    errors: tuple[Floats, float, float],
    twice_covariance: Floats | float = 0.0,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean, standard deviation and limits of mixtures over τ (GRID, ...), with the shared error added."""
    k, v_c, k_c = errors
    mean = weight @ means
    variance = weight @ variances + weight @ (means - mean) ** 2
    least = (np.sqrt(variance) - np.sqrt(v_c)) ** 2 + LEAST_SHARE * np.minimum(variance, v_c)
    stderr = np.sqrt(np.clip(variance + v_c + twice_covariance, least, None))
    half = (k * variance + k_c * v_c) / (variance + v_c) * stderr
    return mean, stderr, mean - half, mean + half
