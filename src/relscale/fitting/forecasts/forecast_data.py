"""Data of the forecast candidates: each error series once, and the two series of each ratio."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.gaps import log_or_nan
from relscale.fitting.curves.run_matrix import Floats, RunMatrix, Series
from relscale.fitting.forecasts.error_forecasts import ErrorForecasts
from relscale.fitting.forecasts.item_response import AnsweredRuns
from relscale.fitting.forecasts.scales import Scales, scales, scales_of
from relscale.fitting.keys import SERIES

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class ForecastData:
    """J curves over P points, from K error series.

    Attributes
    ----------
    value
        (P, J) ln E or ln G, nan if unknown.
    reading
        (P, J) variance of the values by the scatter around their parabolas; nan if unknown.
    errors
        (P, K) ln E of every series of a curve or its partner, without duplicates.
    target, baseline
        (J,) the series of each curve; ``baseline`` is None if the curves are errors.
    partner
        (J,) the other series of the loss-to-loss laws: the baseline, or for errors the mean of the suite; −1 without
        one.
    common
        (J,) the mean of the series of a curve's pool; −1 without one.
    pool
        (J,) curves with the same number share weights and widths: same suite, prompt, metric and contrast.
    runs, run_errors
        Scales and ln E (R, K) of the runs that L(N, D) is fitted to: the matrix's runs if points are optima between
        runs, else the points. nan for a series of another matrix.
    point_of_run
        (R,) the point of each run.
    error_forecasts
        Those computed so far, of these or of other curves of the same series.
    answered
        The responses of runs to single questions; None if they are unknown.
    """

    scales: Scales
    value: Floats
    reading: Floats
    errors: Floats
    target: Indices
    baseline: Indices | None
    partner: Indices
    common: Indices
    pool: Indices
    runs: Scales
    run_errors: Floats
    point_of_run: Indices
    error_forecasts: ErrorForecasts
    answered: AnsweredRuns | None = None

    @property
    def usable(self) -> NDArray[np.bool_]:
        """(P,) the points with known compute and a value of any curve."""
        return np.asarray(np.isfinite(self.value).any(axis=1) & np.isfinite(self.scales.log_flops))


def forecast_data(
    curves: Curves, matrix: RunMatrix | None = None, error_forecasts: ErrorForecasts | None = None
) -> ForecastData:
    """The data of ``curves``; ``matrix`` is that of their runs, if they are of one.

    ``error_forecasts`` are those of other curves, if they are shared.
    """
    scales = scales_of(curves.points, curves.log_flops)
    pool = _kinds([(key.suite, key.prompt, key.metric, key.contrast) for key in curves.keys])
    count = len(curves.keys)
    # A ratio's own points: a series is used only if both are known, like the ratio.
    target = np.where(np.isfinite(curves.value), curves.target, np.nan)
    if curves.baseline is None:
        mean = np.stack([target[:, pool == kind].mean(axis=1) for kind in range(pool.max() + 1)], axis=1)
        alone = np.bincount(pool)[pool] == 1
        errors, of_target = target, np.arange(count)
        partner = np.where(alone, -1, count + pool)
        errors = np.concatenate([target, mean], axis=1)
        of_baseline = None
        common = partner
    else:
        base = np.where(np.isfinite(curves.value), curves.baseline, np.nan)
        stacked = np.concatenate([target, base], axis=1)
        errors, which = _distinct(stacked)
        of_target, of_baseline = which[:count], which[count:]
        partner = of_baseline
        of_pool = [
            np.unique(np.concatenate([of_target[pool == kind], of_baseline[pool == kind]]))
            for kind in range(pool.max() + 1)
        ]
        mean = np.stack([errors[:, members].mean(axis=1) for members in of_pool], axis=1)
        common = errors.shape[1] + pool
        errors = np.concatenate([errors, mean], axis=1)
    runs, run_errors, point_of_run = scales, errors, np.arange(len(scales))
    answered = None
    if matrix is not None:
        columns = _series(curves, of_target, of_baseline)
        if any(point.is_parabola for point in curves.points):
            runs, run_errors, point_of_run = _runs(curves, matrix, errors.shape[1], columns)
        answered = _answered(curves, matrix, columns)
    return ForecastData(
        scales,
        curves.value,
        np.full(curves.value.shape, np.nan) if curves.reading is None else curves.reading,
        errors,
        of_target,
        of_baseline,
        partner,
        common,
        pool,
        runs,
        run_errors,
        point_of_run,
        error_forecasts or ErrorForecasts(),
        answered,
    )


def _series(curves: Curves, target: Indices, baseline: Indices | None) -> dict[int, Series]:
    """The matrix's series of each error series that is one."""
    columns: dict[int, Series] = {}
    for j, key in enumerate(curves.keys):
        if key.contrast not in (None, "group"):
            continue
        series = Series(*(getattr(key, name) for name in SERIES))
        columns[int(target[j])] = series
        if baseline is not None:
            columns[int(baseline[j])] = series._replace(group=str(key.baseline))
    return columns


def _rows(curves: Curves) -> tuple[Indices, Indices]:
    """The runs of all points, as rows of the matrix, and the point of each."""
    rows = np.concatenate([point.rows for point in curves.points])
    return rows, np.repeat(np.arange(len(curves.points)), [len(point.rows) for point in curves.points])


def _scales_of_runs(matrix: RunMatrix, rows: Indices) -> Scales:
    return scales(np.log(matrix.training_flops[rows]), matrix.params[rows], matrix.tokens[rows])


def _runs(
    curves: Curves, matrix: RunMatrix, count: int, columns: Mapping[int, Series]
) -> tuple[Scales, Floats, Indices]:
    """The matrix's runs: their scales, the errors of its series, and their points."""
    rows, point_of_run = _rows(curves)
    column = {series: i for i, series in enumerate(matrix.series)}
    values = np.full((len(rows), count), np.nan)
    for k, series in columns.items():
        if series in column:
            values[:, k] = matrix.values[rows, column[series]]
    return _scales_of_runs(matrix, rows), log_or_nan(values), point_of_run


def _answered(curves: Curves, matrix: RunMatrix, columns: Mapping[int, Series]) -> AnsweredRuns | None:
    """The item responses of the runs; None without any."""
    answered = {k: matrix.responses[series] for k, series in columns.items() if series in matrix.responses}
    if not answered:
        return None
    rows, point_of_run = _rows(curves)
    best = np.array([point.log_tokens if point.is_parabola else np.nan for point in curves.points])
    return AnsweredRuns(
        _scales_of_runs(matrix, rows),
        np.log(matrix.tokens[rows]) - best[point_of_run] if np.isfinite(best).any() else None,
        point_of_run,
        {k: replace(responses, right=responses.right[rows]) for k, responses in answered.items()},
    )


def _distinct(columns: Floats) -> tuple[Floats, Indices]:
    """The distinct columns, and the index of each column among them."""
    _, first, which = np.unique(
        np.nan_to_num(columns, nan=-1e300), axis=1, return_index=True, return_inverse=True
    )
    return columns[:, first], which.ravel()


def _kinds(names: list[tuple[object, ...]]) -> Indices:
    order = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.array([order[name] for name in names], dtype=np.int64)
