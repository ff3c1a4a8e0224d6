"""Joint test of all groups of a suite: that their errors have the same exponent.

    H0: β_1 = … = β_K,    F = |M b|² / tr(M V M),    M = I − 11ᵀ/K

where b are the K slopes of ln E on ln F and V is their covariance, which arises from shared runs and, for the
population of items, from shared items. M removes the mean slope, so the test needs no baseline: ratios to one baseline
are correlated through the noise of the baseline, so that many gaps look like many findings.

F approximately follows the distribution F(f1, f2) of Box (1954), as in the test of the "groups × compute" interaction
in a repeated-measures analysis of variance:

    f1 = tr(W)² / tr(W²),    f2 = tr(W)² / (tr(W_run²) / ν + tr(W_item²) / (C − 1)),    W = M V M

where ν are the degrees of freedom of the run variance, n − 2 or the number of training runs minus 1, and C is the
number of clusters of items; for independent items the second term is 0. tr(W_run)² and tr(W_run²) are estimated without
bias. Wald's statistic with V⁻¹ would need more points than groups.

V is as in ``relscale.fitting.inference.interval``: the scatter of the runs, or the jackknife over shared training runs;
for the population of items, the covariance of the slopes over resamplings is added and the interaction subtracted once.

Source: Box, *Some theorems on quadratic forms applied in the study of analysis of variance problems, II*, 1954;
Brunner, Dette and Munk, *Box-type approximations in nonparametric factorial designs*, 1997.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.curves import ERROR, Curves
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference.bootstrap.schemes import members
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.interval import too_few_clusters, too_few_trainings
from relscale.fitting.inference.log_log_lines import SMALLEST, lines
from relscale.fitting.keys import FamilyKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status, together
from relscale.measurements.metric import VALIDATION
from relscale.storage.rows import column, fields_of


@dataclass(frozen=True, slots=True, kw_only=True)
class JointTestRow(FamilyKey):
    """One row per suite, prompt, metric and estimand: the joint test that all groups have the same exponent."""

    suite: str | None = column("Test suite.", default=None)
    prompt: str | None = column("Prompt form of the suite's questions.", default=None)
    metric: str | None = column("Metric; its name includes the choices behind it.", default=None)
    estimand: Estimand = column("What the test generalises over.")
    groups: int = column("Number of groups compared.")
    n: int = column("Number of frontier points at which every group has an error.")
    statistic: float | None = column(
        "F statistic: squared deviations of the slopes from their mean, relative to their expectation under the null "
        "hypothesis.",
        default=None,
    )
    df1: float | None = column("Degrees of freedom of the numerator.", default=None)
    df2: float | None = column("Degrees of freedom of the denominator.", default=None)
    p_value: float | None = column('p-value of "all groups\' errors fall at one rate".', default=None)
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.", default=None)


TABLE, ROW = "joint_tests", JointTestRow

SURE = 0.05


@dataclass(frozen=True)
class Covariance:
    """Covariance of K slopes: of runs with ``df`` degrees of freedom, of items with ``items_df``."""

    runs: Floats
    df: float
    items: Floats
    interaction: Floats
    items_df: float = np.inf


def rows(curves: Curves, settings: Settings) -> Iterator[JointTestRow]:
    """One row per suite, prompt and metric for these items and, if items were resampled, one for their population."""
    if curves.quantity != ERROR:
        return
    sets: dict[tuple[str | None, ...], list[int]] = {}
    for j, key in enumerate(curves.keys):
        if key.suite != VALIDATION.suite:
            sets.setdefault((key.suite, key.prompt, key.metric), []).append(j)
    for columns in sets.values():
        if len(columns) > 1:
            yield from _rows(curves, np.array(columns))


def _rows(curves: Curves, columns: NDArray[np.int64]) -> Iterator[JointTestRow]:
    key = curves.keys[columns[0]]
    points: NDArray[np.bool_] = np.asarray(np.isfinite(curves.value[:, columns]).all(axis=1))
    family = {name: getattr(key, name) for name in ("experiment", "corpus", "optimizer")}
    common = family | {"suite": key.suite, "prompt": key.prompt, "metric": key.metric}
    common |= {"groups": len(columns), "n": int(points.sum())}
    estimands = [Estimand.THESE_ITEMS]
    if curves.replicates.shape[-1] > 1:
        estimands.append(Estimand.ITEM_POPULATION)
    for estimand in estimands:
        of_items = estimand == Estimand.ITEM_POPULATION
        slopes, covariance, remark = _slopes(curves, columns, points, of_items)
        if covariance is None:
            yield JointTestRow(**common, estimand=estimand, **fields_of(remark))
            continue
        statistic, df1, df2, p_value = joint_test(slopes, covariance)
        yield JointTestRow(
            **common,
            estimand=estimand,
            statistic=statistic,
            df1=df1,
            df2=df2,
            p_value=p_value,
            **fields_of(remark if np.isfinite(p_value) else Remark(Status.NO_SCATTER)),
        )


def _slopes(
    curves: Curves, columns: NDArray[np.int64], points: NDArray[np.bool_], of_items: bool
) -> tuple[Floats, Covariance | None, Remark]:
    """Slopes (K,) of ln E, their covariance if there is one, and a remark."""
    n = int(points.sum())
    if n <= SMALLEST:
        note = f"only {n} points at which every group has an error; a joint test needs {SMALLEST + 1}"
        return np.empty(0), None, Remark(Status.TOO_FEW_POINTS, note)
    x, value = curves.log_flops[points], curves.value[np.ix_(points, columns)]
    fitted = lines(x, value, curves.noise[np.ix_(points, columns)])
    if not np.isfinite(fitted.slope).all():
        return np.empty(0), None, Remark(Status.NO_SPREAD)
    if fitted.exact.all():
        return np.empty(0), None, Remark(Status.NO_SCATTER)
    blocks = [curves.blocks[i] for i in np.flatnonzero(points)]
    trainings = len(set(blocks))
    if trainings == 1:
        return np.empty(0), None, too_few_trainings(trainings) or Remark(Status.NO_SCATTER)
    jackknife = _leave_one_out(x, value, blocks)
    if curves.without is not None:
        jackknife = lines(x, curves.without[np.ix_(points, columns)]).slope
    if jackknife is not None and not np.isfinite(jackknife).all():
        return np.empty(0), None, Remark(Status.NO_SPREAD)
    if jackknife is None:
        q, df, remark = float(fitted.leverage(0.0, 1.0).mean()), n - 2.0, OK
        runs = fitted.residuals.T @ fitted.residuals / df * q
    else:
        count = jackknife.shape[-1]
        q, df = 0.0, count - 1.0  # the interaction is not subtracted, which is conservative
        remark = too_few_trainings(count) or OK
        away = jackknife - fitted.slope[:, None]
        runs = (count - 1) / count * away @ away.T
    nothing = np.zeros_like(runs)
    if not of_items:
        return fitted.slope, Covariance(runs, df, nothing, nothing), remark
    replicates = curves.replicates[np.ix_(points, columns)]
    complete = np.isfinite(replicates).all(axis=(0, 1))
    if complete.sum() < 2:
        return np.empty(0), None, Remark(Status.NO_REPLICATES)
    deviations = lines(x, replicates[..., complete] - value[..., None])
    items = np.cov(deviations.slope)
    scatter = np.einsum("pib,pjb->ij", deviations.residuals, deviations.residuals)
    interaction = scatter / complete.sum() / (n - 2) * q
    clusters = np.array([np.nan]) if curves.clusters is None else curves.clusters[columns]
    known = clusters[np.isfinite(clusters)]
    items_df = float(known.min()) - 1 if len(known) else np.inf
    few = too_few_clusters(items_df + 1)
    if few and items_df <= 0:
        return np.empty(0), None, few
    return fitted.slope, Covariance(runs, df, items, interaction, items_df), together(remark, few or OK)


def _leave_one_out(x: Floats, value: Floats, blocks: list[str]) -> Floats | None:
    """(K, G) slopes without each training run if points share some; else None."""
    if len(set(blocks)) == len(blocks):
        return None
    of = members(blocks)
    return np.stack([lines(x[of != g], value[of != g]).slope for g in range(of.max() + 1)], axis=-1)


def joint_test(slopes: Floats, covariance: Covariance) -> tuple[float, float, float, float]:
    """F, f1, f2 and the p-value of "all slopes are equal"."""
    from scipy.special import fdtrc

    number = len(slopes)
    centre = np.eye(number) - 1 / number
    runs, items, interaction = (
        centre @ part @ centre for part in (covariance.runs, covariance.items, covariance.interaction)
    )
    beyond_runs = items - interaction
    of_runs = _trace_of_square(runs, covariance.df)
    trace = max(np.trace(runs), np.trace(items), np.trace(runs + beyond_runs))
    if not trace > 0:
        return np.nan, np.nan, np.nan, np.nan
    if trace == np.trace(items):
        square, squares = trace**2, np.trace(items @ items)
    else:
        remainder = beyond_runs if trace > np.trace(runs) else np.zeros_like(runs)
        square = trace**2 - np.trace(runs) ** 2 + _square_of_trace(runs, covariance.df)
        squares = of_runs + 2 * np.trace(runs @ remainder) + np.trace(remainder @ remainder)
    df1 = float(np.clip(square / squares, 1, number - 1))
    df2 = float(square / (of_runs / covariance.df + np.trace(items @ items) / covariance.items_df))
    statistic = float(np.sum((centre @ slopes) ** 2) / trace)
    return statistic, df1, df2, float(fdtrc(df1, df2, statistic))


def _trace_of_square(estimate: Floats, df: float) -> float:
    """tr(Σ²) without bias, from an estimate S of Σ with ``df`` degrees of freedom; at least its value for equal
    eigenvalues.
    """
    first, second = float(np.trace(estimate)), float(np.trace(estimate @ estimate))
    least = _square_of_trace(estimate, df) / max(1, len(estimate) - 1)
    if df <= 1:
        return second
    return max(df**2 / ((df - 1) * (df + 2)) * (second - first**2 / df), least)


def _square_of_trace(estimate: Floats, df: float) -> float:
    """tr(Σ)² without bias."""
    first, second = float(np.trace(estimate)), float(np.trace(estimate @ estimate))
    if df <= 1:
        return first**2
    return df * (df + 1) / ((df - 1) * (df + 2)) * (first**2 - 2 * second / (df + 1))


def some_group_moves(row: JointTestRow) -> bool:
    """Whether the test rejects equal exponents."""
    return row.p_value is not None and row.p_value < SURE


def sentence(row: JointTestRow) -> str:
    """The test result in one sentence; empty if there is none."""
    if row.p_value is None:
        return ""
    p = f"p = {row.p_value:.2g}" if row.p_value >= 0.001 else "p < 0.001"
    test = f"F({row.df1:.1f}, {row.df2:.1f}) = {row.statistic:.2f}, {p}"
    estimand = "" if row.estimand == Estimand.THESE_ITEMS else ", for new items"
    result = (
        "the exponents of the groups differ"
        if some_group_moves(row)
        else "no significant difference between the exponents of the groups"
    )
    return f"joint test of {row.groups} groups: {result} ({test}{estimand})"
