"""Partial pooling of many small groups: each group's Δβ is shrunk towards their mean according to its uncertainty.

    b_j = δ_j + c + e_j,    δ_j ~ N(μ, τ²),    e_j of variance v_j,    c of variance v_c, the same for all

b_j is the slope of group j's ln G, δ_j its Δβ. Errors of groups that were scored on the same models against the same
baseline are alike: c is what all groups share. With μ free, c cannot be told from it and plays no part in the pooling;
its variance is added to each answer. So the lines through the mean curve and through each group's deviation from it
are taken apart: the first says v_c, the others v_j. Beyond c errors are taken to be independent, which they are not
where some groups are more alike than others; intervals then hold on average over groups, not for each.

Groups do not all share c alike: the error of one that is near to the baseline moves against it. Their covariance with
it is what the variance of a group's own slope has beyond those of its two parts, ``(V_j − v_j − v_c) / 2``. It is 0 on
average over groups and drawn towards 0 by as much as its estimates would scatter if it were 0 for each; the variance of
an answer has twice of what is left of it, as far as the answer is of the group itself.

* v_j from a few points is itself unsure. It is drawn towards the groups' common variance, by as much as their scatter
  says that they have one (Smyth 2004): ``(d0·s0² + d·v_j) / (d0 + d)`` with d0 + d degrees of freedom.
* τ is integrated out, under a flat prior for μ and τ. Given τ, with ``w_j = 1 / (τ² + v_j)`` and ``B_j = v_j·w_j``,

      μ | τ ~ (Σ w_j·b_j / Σ w_j, 1 / Σ w_j),    δ_j | τ ~ (B_j·μ + (1 − B_j)·b_j,  v_j·(1 − B_j) + B_j² / Σ w_j)

  as mean and variance, and the weight of τ is ``Π √w_j · (Σ w_j)^(−1/2)`` times Student densities of b_j around μ, so
  that variances which are too small by chance are not taken for differences between groups.
* An interval is mean ∓ k·sd, both of the mixture over τ with v_c added. k is the mean of quantiles, weighted by the
  variances that they belong to, as of a line alone (``relscale.fitting.inference.interval``): t at d0 + d of the runs'
  part of v_j, of the items' part the normal quantile, or t at clusters − 1 where items come in clusters, and of v_c its
  own. Where the groups' own intervals have the quantile of a block bootstrap in place of t, k is as much less or more.

On average over groups nominal 95% intervals cover 92–98%, and up to 100% where the groups do not differ, by simulation
with 8 or 57 groups, 4, 7 or 22 points, equal or unequal variances, noise shared or not; those of μ 92–100% and of τ
89–98% (an interval of τ never holds 0). They are 0.2 to 0.97 times as wide as the groups' own on average;
of the 56 subjects of MMLU under 22 trainings (Gemstones) 0.99 times, of a single one up to 1.6 times.

Sources: Morris, *Parametric empirical Bayes inference*, 1983; Smyth, *Linear models and empirical Bayes methods for
assessing differential expression*, 2004, section 6; Gelman, *Prior distributions for variance parameters in
hierarchical models*, 2006.
"""

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
LEAST_SHARE = 0.1  # of the smaller of two variances that remains where the errors are about opposite
MANY = 1e12  # degrees of freedom of which t is normal


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
        (J,) of each group.
    mean, mean_stderr, mean_low, mean_high
        Of μ.
    sd, sd_low, sd_high
        Of τ: median and quantiles.
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

    Groups without some of the points that most others have are not pooled; their status says so.
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
    level = settings.level
    used = np.isfinite(curves.value[:, columns])
    patterns, which, count = np.unique(used, axis=1, return_inverse=True, return_counts=True)
    usual = which.ravel() == np.argmax(count)
    columns_used = np.array(columns)[usual]
    points = patterns[:, np.argmax(count)]
    estimate = curve_lines(curves)
    estimands = [Estimand.THESE_ITEMS]
    if curves.replicates.shape[-1]:
        estimands.append(Estimand.ITEM_POPULATION)
    rows: list[ParameterRow] = []
    for estimand in estimands:
        common = {
            "law": relative.LINE.name,
            "predictor": "training_flops",
            "level": level,
            "n": int(points.sum()),
            "method": Method.PARTIAL_POOLING,
            "method_note": f"{len(columns_used)} groups, spread integrated out, t",
            "estimand": estimand,
        }
        of_items = estimand == Estimand.ITEM_POPULATION
        items = curve_items(curves, estimate) if of_items else None
        ends = [
            interval.level_at(estimate, at, level, items)
            for at in (estimate.low, estimate.reference, estimate.high)
        ]
        posterior = None
        if len(columns_used) >= FEWEST and np.isfinite(estimate.slope[columns_used]).all():
            of_draws = 1.0 if of_items else _quantile_of_draws(curves, columns_used, settings)
            posterior = _pooled(curves, columns_used, points, of_items, level, of_draws)
        for j in columns:
            key = {**fields_of(curves.keys[j]), **common, "parameter": relative.LINE.slope}
            remark = _remark(curves, estimate, j, of_items)
            if j not in columns_used:
                note = f"not pooled, because most groups have other points; {remark}"
                rows.append(ParameterRow(**key, status=Status.NOT_POOLED, note=note))
            elif posterior is None:
                note = f"only {len(columns_used)} groups; pooling needs {FEWEST} with a slope"
                rows.append(ParameterRow(**key, status=Status.TOO_FEW_GROUPS, note=note))
            else:
                i = int(np.flatnonzero(columns_used == j)[0])
                levels = [(end.low[j], end.high[j]) for end in ends]
                rows.append(
                    ParameterRow(
                        **key,
                        value=posterior.value[i],
                        stderr=posterior.stderr[i],
                        low=posterior.low[i],
                        high=posterior.high[i],
                        reference_flops=np.exp(estimate.reference[j]),
                        flops_low=np.exp(estimate.low[j]),
                        flops_high=np.exp(estimate.high[j]),
                        interval_direction=direction((posterior.low[i], posterior.high[i]), levels),
                        **fields_of(remark),
                    )
                )
        if posterior is not None:
            first = int(columns_used[0])
            remark = _remark(curves, estimate, first, of_items)
            all_groups = replace(curves.keys[columns[0]], group=ALL_GROUPS)
            cells = {**fields_of(all_groups), **common, **fields_of(remark)}
            rows.append(
                ParameterRow(
                    **cells,
                    parameter=MEAN,
                    value=posterior.mean,
                    stderr=posterior.mean_stderr,
                    low=posterior.mean_low,
                    high=posterior.mean_high,
                )
            )
            rows.append(
                ParameterRow(
                    **cells,
                    parameter=SD,
                    value=posterior.sd,
                    low=posterior.sd_low,
                    high=posterior.sd_high,
                )
            )
    return rows


def _remark(curves: Curves, estimate: Lines, j: int, of_items: bool) -> Remark:
    """As on the group's own interval."""
    few = interval.too_few_blocks(estimate, j)
    if few is None and of_items and curves.clusters is not None:
        few = interval.too_few_clusters(float(curves.clusters[j]))
    return few or points_remark(curves, j)


def _quantile_of_draws(curves: Curves, selected: NDArray[np.int64], settings: Settings) -> float:
    """The quantile of the groups' own intervals for these items over Student's t, on average: 1 without a bootstrap."""
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
    of_draws: float,
) -> Pooled:
    """Take the mean curve and the deviations from it apart, and pool."""
    x, blocks = curves.log_flops[points], [curves.blocks[i] for i in np.flatnonzero(points)]
    at = np.ix_(points, selected)
    y, y_specific = _apart(curves.value[at])
    noise = curves.noise[at]
    without = without_specific = None
    if curves.without is not None:
        without, without_specific = _apart(curves.without[at])
    shared = lines(x, y, noise.mean(axis=1, keepdims=True), blocks, without=without)
    line = lines(x, y_specific, noise, blocks, without=without_specific)
    items_shared = items_specific = None
    if of_items:
        draws, draws_specific = _apart(curves.replicates[at])
        clusters = None if curves.clusters is None else curves.clusters[selected]
        fewest = None if clusters is None else np.fmin.reduce(clusters)[None]
        items_shared = interval.item_lines(x, y, draws, shared, blocks, fewest)
        items_specific = interval.item_lines(x, y_specific, draws_specific, line, blocks, clusters)

    groups = len(selected)
    of_mean = interval.slope(shared, level, items_shared)
    of_runs = interval.slope(line, level).stderr ** 2
    of_both = interval.slope(line, level, items_specific)
    moderated, df = moderate(of_runs * groups / (groups - 1), float(line.df[0]))
    v = moderated + (of_both.stderr**2 - of_runs) * groups / (groups - 1)
    full = lines(
        x, curves.value[at], noise, blocks, without=None if curves.without is None else curves.without[at]
    )
    items_full = None
    if of_items:
        items_full = interval.item_lines(x, curves.value[at], curves.replicates[at], full, blocks, clusters)
    beyond = interval.slope(full, level, items_full).stderr ** 2 - of_both.stderr**2 - of_mean.stderr**2
    by_chance = of_runs * interval.slope(shared, level).stderr ** 2 / line.df
    covariance = _shrunk(beyond / 2, by_chance)
    share = interval.ill_known_share(moderated, v)
    v_c = max(0.0, float(of_mean.stderr[0]) ** 2 - float(v.mean()) / groups)
    tail = (1 + level) / 2
    k = interval.quantile(tail, np.full(groups, min(df, MANY)), share, of_both.items_df)
    k_c = float(interval.quantile(tail, of_mean.df, of_mean.share, of_mean.items_df)[0])
    known = _satterthwaite(share, df, of_both.items_df)
    k, k_c = k * of_draws, k_c * of_draws
    return pool(shared.slope + line.slope, v, known, k, level, v_c, k_c, covariance)


def _shrunk(covariance: Floats, by_chance: Floats) -> Floats:
    """Covariances (J,) drawn to 0, of which the variance of the estimates is ``by_chance`` where they are 0."""
    spread = float(np.mean(covariance**2))
    return covariance * (max(0.0, 1 - float(np.mean(by_chance)) / spread) if spread > 0 else 0.0)


def _apart(of_groups: Floats) -> tuple[Floats, Floats]:
    """The mean over the groups, (P, 1, ...), and each group's deviation from it, (P, J, ...)."""
    mean = of_groups.mean(axis=1, keepdims=True)
    return mean, of_groups - mean


def _satterthwaite(share: Floats, df: float, rest_df: Floats | float) -> Floats:
    """Degrees of freedom (J,) of variances of which ``share`` is known to ``df`` and the rest to ``rest_df``."""
    with np.errstate(divide="ignore"):
        return np.asarray(1 / (share**2 / df + (1 - share) ** 2 / rest_df))


def moderate(variance: Floats, df: float) -> tuple[Floats, float]:
    """Variances (J,), each estimated with ``df`` degrees of freedom, drawn towards their common value; and the new df.

    d0 and s0² from mean and variance of ln v (Smyth 2004, section 6.2); where these scatter no more than estimates of
    one variance would, all are taken to be one.
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
    """Posterior of δ_j, μ and τ from slopes b (J,) with own variances v (J,) known to df (J,) degrees of freedom.

    k (J,) are the quantiles of these errors; ``v_c`` is the variance of the error that all share, ``k_c`` its quantile
    and ``covariance`` (J,) that of the two errors.
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
    reliance = weight @ w  # of μ on each group
    k_mean = np.array([(reliance * k).sum() / reliance.sum()])
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
    both: Floats | float = 0.0,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean, standard deviation and limits of mixtures over τ (GRID, ...), the shared error and what ties it added."""
    k, v_c, k_c = errors
    mean = weight @ means
    variance = weight @ variances + weight @ (means - mean) ** 2
    least = (np.sqrt(variance) - np.sqrt(v_c)) ** 2 + LEAST_SHARE * np.minimum(variance, v_c)
    stderr = np.sqrt(np.clip(variance + v_c + both, least, None))
    half = (k * variance + k_c * v_c) / (variance + v_c) * stderr
    return mean, stderr, mean - half, mean + half
