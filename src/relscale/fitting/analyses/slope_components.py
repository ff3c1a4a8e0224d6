"""Components of a gap's slope: dependence on tokens per parameter, and within and between training runs.

    ln G = a + Δβ · ln F + κ · ln(D / N)                 runs of N parameters and D tokens
    ln G_it = a + w · (ln F_it − m_i) + b · m_i          checkpoint t of training i, m_i the mean over t of ln F_it

The slope of a line on ln F through models that differ in tokens per parameter, or through checkpoints of several
training runs, depends on the set of models. It is the effect of compute alone if κ = 0 and w = b, that is, if the slope
within training runs equals the slope between training runs. Otherwise Δβ differs between final models, checkpoints and
other recipes. κ and b − w each have a p-value, adjusted over the groups of a suite.

Independent points have the t interval of least squares. If points share training runs, the covariance is that of the
jackknife over training runs (CR3) with Student's t of G − 2 degrees of freedom, as for a slope between G training runs.

Intervals are for these items. A frontier of parabolas has one D / N per budget and is not analysed.

Source: Mundlak, *On the pooling of time series and cross section data*, Econometrica 46, 1978.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relscale.confidence import t_quantile
from relscale.fitting.curves.curves import RATIO, Curves
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference import interval
from relscale.fitting.inference.bootstrap.schemes import members
from relscale.fitting.inference.multiplicity import adjusted
from relscale.fitting.keys import CurveKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status
from relscale.storage.rows import column, fields_of


class Component(StrEnum):
    """A component of the slope of a gap."""

    COMPUTE = "compute at equal data per parameter"
    DATA_PER_PARAMETER = "data per parameter"
    WITHIN = "compute within trainings"
    BETWEEN = "compute between trainings"
    DIFFERENCE = "between less within"


SURE = 0.05
LEAST_SPREAD = 1e-3  # of a predictor's residuals from the others, root mean square, in logarithms
UNDETERMINED = Remark(Status.UNDETERMINED, "tokens per parameter do not vary independently of compute")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlopeComponentRow(CurveKey):
    """One row per ratio and component of its slope on compute."""

    component: Component = column("Predictor of ln G, or a difference between two predictors.")
    value: float | None = column(
        "Partial slope of ln G on the logarithm of the predictor, or the difference between two slopes.",
        default=None,
    )
    stderr: float | None = column("Its standard error.", default=None)
    low: float | None = column("Lower limit of the interval, for these items.", default=None)
    high: float | None = column("Upper limit of the interval.", default=None)
    level: float = column("Confidence level of the interval.")
    df: float | None = column("Degrees of freedom.", default=None)
    p_value: float | None = column("Two-sided p-value under a slope of 0.", default=None)
    p_bh: float | None = column(
        "p-value adjusted by Benjamini–Hochberg over all groups of the suite, prompt and metric.",
        default=None,
    )
    n: int = column("Number of points.")
    trainings: int = column("Number of training runs behind the points.")
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.", default=None)


TABLE, ROW = "slope_components", SlopeComponentRow


@dataclass(frozen=True)
class Regression:
    """Least squares: coefficients (k,), their covariance (k, k), nan if unknown, and its degrees of freedom."""

    value: Floats
    covariance: Floats
    df: float


def rows(curves: Curves, settings: Settings) -> list[SlopeComponentRow]:
    """The components of each ratio's slope; none for errors, nor for a frontier of parabolas."""
    if curves.quantity != RATIO or not curves.points or any(point.is_parabola for point in curves.points):
        return []
    components = [row for j in range(len(curves.keys)) for row in _rows(curves, j, settings.level)]
    families = [(row.suite, row.prompt, row.metric, row.contrast, row.component) for row in components]
    p_bh, _ = adjusted([row.p_value for row in components], families)
    return [replace(row, p_bh=float(p)) for row, p in zip(components, p_bh, strict=True)]


def _rows(curves: Curves, j: int, level: float) -> Iterator[SlopeComponentRow]:
    """Rows of data per parameter if N and D are known, and within and between training runs if points share some."""
    params, tokens = (
        np.array([getattr(point, name) for point in curves.points], dtype=float)
        for name in ("params", "tokens")
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        data = np.log(tokens / params)
    known = np.isfinite(curves.value[:, j])
    both = known & np.isfinite(data)
    ones = np.ones(len(data))
    if both.any():
        design = np.stack([ones, curves.log_flops, data], axis=1)
        parts = {Component.COMPUTE: (0.0, 1.0, 0.0), Component.DATA_PER_PARAMETER: (0.0, 0.0, 1.0)}
        yield from _parts(curves, j, both, design, parts, level)
    if curves.shared and known.any():
        training = members(curves.blocks)
        mean = _mean_of(curves.log_flops, training, known)
        design = np.stack([ones, curves.log_flops - mean, mean], axis=1)
        parts = {
            Component.WITHIN: (0.0, 1.0, 0.0),
            Component.BETWEEN: (0.0, 0.0, 1.0),
            Component.DIFFERENCE: (0.0, -1.0, 1.0),
        }
        yield from _parts(curves, j, known, design, parts, level)


def _parts(
    curves: Curves,
    j: int,
    used: NDArray[np.bool_],
    design: Floats,
    parts: Mapping[Component, Sequence[float]],
    level: float,
) -> Iterator[SlopeComponentRow]:
    from scipy.special import stdtr

    training = members([curves.blocks[i] for i in np.flatnonzero(used)])
    number, n = len(np.unique(training)), int(used.sum())
    common = {**fields_of(curves.keys[j]), "level": level, "n": n, "trainings": number}
    fitted = regression(design[used], curves.value[used, j], training)
    if fitted is None:
        few = number < design.shape[1] + 1
        remark = interval.too_few_points(number) if few and number == n else UNDETERMINED
        remark = (interval.too_few_trainings(number) if few and number < n else None) or remark
        for component in parts:
            yield SlopeComponentRow(**common, component=component, **fields_of(remark))
        return
    remark = (interval.too_few_trainings(number) if number < n else None) or OK
    for component, weights in parts.items():
        w = np.array(weights)
        value, stderr = float(w @ fitted.value), float(np.sqrt(w @ fitted.covariance @ w))
        half = float(t_quantile(fitted.df, level)) * stderr
        yield SlopeComponentRow(
            **common,
            component=component,
            value=value,
            stderr=stderr,
            low=value - half,
            high=value + half,
            df=fitted.df,
            p_value=2 * float(stdtr(fitted.df, -abs(value) / stderr)) if stderr > 0 else None,
            **fields_of(remark),
        )


def regression(design: Floats, y: Floats, training: NDArray[np.int64]) -> Regression | None:
    """Least squares of y (P,) on a design (P, k); None if the data do not determine all coefficients and their
    variance.

    Parameters
    ----------
    training
        (P,) the training run of each point, numbered from 0.
    """
    points, k = design.shape
    number = int(training.max()) + 1
    if number <= k or not _is_determined(design):
        return None
    gram, moment = design.T @ design, design.T @ y
    value: Floats = np.asarray(np.linalg.solve(gram, moment), dtype=np.float64)
    if number == points:
        residual = y - design @ value
        return Regression(value, np.linalg.inv(gram) * (residual @ residual) / (points - k), points - k)
    away = []
    for of_training in (training == g for g in range(number)):
        if not _is_determined(design[~of_training]):
            return None
        remaining = design[of_training]
        away.append(
            np.linalg.solve(gram - remaining.T @ remaining, moment - remaining.T @ y[of_training]) - value
        )
    covariance = (number - 1) / number * np.einsum("gi,gj->ij", np.array(away), np.array(away))
    return Regression(value, covariance, number - 2)


def _is_determined(design: Floats) -> bool:
    """Whether each predictor varies independently of the constant and the others."""
    centred = design[:, 1:] - design[:, 1:].mean(axis=0)
    least = np.linalg.svd(centred, compute_uv=False)[-1]
    return bool(least > LEAST_SPREAD * np.sqrt(len(design)))


def _mean_of(x: Floats, training: NDArray[np.int64], used: NDArray[np.bool_]) -> Floats:
    """(P,) the mean over the used points of the same training run; nan without one."""
    count = np.bincount(training, used)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(training, np.where(used, x, 0.0)) / count
    return np.asarray(mean[training])


class Dependence(NamedTuple):
    """A dependence of gaps on more than compute, in words, with the numbers of gaps that show it and were tested."""

    words: str
    significant: int
    tested: int


def dependences(rows: Iterable[SlopeComponentRow]) -> list[Dependence]:
    """Each kind of dependence on more than compute for which gaps were tested."""
    rows, found = list(rows), []
    for component, words in (
        (Component.DATA_PER_PARAMETER, "depend on tokens per parameter in addition to compute"),
        (Component.DIFFERENCE, "have different slopes within and between training runs"),
    ):
        p_values = [row.p_bh for row in rows if row.component == component and row.p_bh is not None]
        if p_values:
            found.append(Dependence(words, sum(p < SURE for p in p_values), len(p_values)))
    return found


def sentences(rows: Iterable[SlopeComponentRow]) -> list[str]:
    """One sentence per kind of dependence on more than compute; empty if no gap shows any."""
    return [
        f"{significant} of {tested} gaps {words} (FDR {SURE:.0%}): their Δβ is specific to this set of models; see the "
        "table slope_components"
        for words, significant, tested in dependences(rows)
        if significant
    ]
