"""The tables with one row per point of the frontier: ``frontier``, ``errors`` and ``gaps``."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from relscale.confidence import t_quantile
from relscale.fitting.curves.curves import Curves
from relscale.fitting.curves.frontier import Point
from relscale.fitting.curves.frontier_curves import FrontierCurves
from relscale.fitting.curves.run_matrix import RunMatrix
from relscale.fitting.inference.spread import spread
from relscale.fitting.keys import CurveKey, FamilyKey, SeriesKey
from relscale.fitting.status import Status
from relscale.storage.rows import column, fields_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierRow(FamilyKey):
    """One row per budget, or per run if every run is a point: the compute-optimal tokens, params and loss."""

    budget: float | None = column("Nominal compute.", "FLOPs")
    run: str | None = column("The run, if every run is a point; null for a parabola.")
    training_flops: float | None = column("Geometric mean of the compute of the budget's runs.", "FLOPs")
    log_tokens: float | None = column("Natural logarithm of the compute-optimal tokens.")
    tokens: float | None = column("Compute-optimal training tokens, at the parabola's minimum.", "tokens")
    tokens_low: float | None = column("Lower limit of the tokens.", "tokens")
    tokens_high: float | None = column("Upper limit of the tokens.", "tokens")
    params: float | None = column("Compute-optimal parameters, interpolated between the runs.")
    params_low: float | None = column("Lower limit of the parameters.")
    params_high: float | None = column("Upper limit of the parameters.")
    level: float = column("Confidence level of these limits.")
    params_least: float | None = column("Parameters of the smallest model that the parabola is fitted to.")
    params_most: float | None = column("Parameters of the largest.")
    loss: float | None = column("Validation loss at the minimum.", "nats per token")
    curvature: float | None = column(
        "Second derivative of the loss with respect to ln tokens at the minimum."
    )
    c0: float | None = column("Parabola c0 + c1·x + c2·x² of the loss in x = ln tokens − x_mean.")
    c1: float | None = column("See c0.")
    c2: float | None = column("See c0.")
    x_mean: float | None = column("Mean ln tokens of the budget's runs.")
    runs: int = column("Number of runs that the parabola is fitted to.")
    trainings: list[str] = column("Their training runs; fewer than runs if these are checkpoints.")
    excluded: int = column("Number of excluded runs of the budget: diverged, or without a validation loss.")
    residual_sd: float | None = column(
        "Residual standard deviation around the parabola, with runs − 3 degrees of freedom.", "nats per token"
    )
    run_sd: float | None = column(
        "Standard deviation between seeds of the same design, pooled over designs.", "nats per token"
    )
    run_sd_df: int = column("Degrees of freedom of run_sd.")
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow(SeriesKey):
    """One row per series and point of the frontier: the error at the compute-optimal tokens."""

    budget: float | None = column("Nominal compute.", "FLOPs")
    run: str | None = column("The run, if every run is a point.")
    training_flops: float | None = column("Compute.", "FLOPs")
    value: float | None = column("The error.")
    stderr_runs: float | None = column(
        "Standard error from the scatter of the runs around the series' parabola."
    )
    stderr_items: float | None = column("Standard error from resampling the items.")
    runs: int = column("Number of runs behind the value.")
    excluded: int = column("Number of excluded runs of the budget.")
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRow(CurveKey):
    """One row per target, baseline and point of the frontier: the ratio E_t / E_b."""

    budget: float | None = column("Nominal compute.", "FLOPs")
    run: str | None = column("The run, if every run is a point.")
    training_flops: float | None = column("Compute.", "FLOPs")
    ratio: float | None = column("The target's error divided by the baseline's.")
    log_ratio: float | None = column("Its natural logarithm.")
    stderr_log: float | None = column("Standard error of the logarithm, over items.")
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")


def point_rows(matrix: RunMatrix, points: Iterable[Point], level: float) -> Iterator[FrontierRow]:
    """The points of a matrix's frontier and the parabolas behind them, with t limits for tokens and params."""
    training = matrix.training
    for point in points:
        trainings = list(dict.fromkeys(training[row] for row in point.rows))
        yield _point_row(matrix.key, point, trainings, level)


def _point_row(key: FamilyKey, point: Point, trainings: list[str], level: float) -> FrontierRow:
    df = len(point.rows) - 3
    far = float(t_quantile(df, level)) if df > 0 else np.nan
    tokens_low, tokens_high = _limits(point.tokens, far * point.log_tokens_stderr)
    params_low, params_high = _limits(point.params, far * point.log_params_stderr)
    return FrontierRow(
        **fields_of(key),
        budget=point.budget,
        run=point.run,
        training_flops=point.training_flops,
        log_tokens=point.log_tokens,
        tokens=point.tokens,
        tokens_low=tokens_low,
        tokens_high=tokens_high,
        params=point.params,
        params_low=params_low,
        params_high=params_high,
        level=level,
        params_least=point.params_least,
        params_most=point.params_most,
        loss=point.loss,
        curvature=point.curvature,
        c0=point.c[0],
        c1=point.c[1],
        c2=point.c[2],
        x_mean=point.x_mean,
        runs=len(point.rows),
        trainings=trainings,
        excluded=point.excluded,
        residual_sd=point.residual_sd,
        run_sd=point.run_sd,
        run_sd_df=point.run_sd_df,
        **fields_of(point.status),
    )


def _limits(value: float, log_half: float) -> tuple[float, float]:
    """The limits of a value whose logarithm has an interval of this half-width."""
    if math.isnan(log_half):  # of a run
        return np.nan, np.nan
    factor = float(np.exp(log_half))
    return value / factor, value * factor


def error_rows(curves: FrontierCurves) -> Iterator[ErrorRow]:
    """Every fitted series at every point."""
    read, family = curves.read, fields_of(curves.matrix.key)
    stderr_items = read.stderr_items
    for i in curves.fitted:
        series = curves.matrix.series[i]._asdict()
        for p, point in enumerate(curves.points):
            yield ErrorRow(
                **family,
                **series,
                budget=point.budget,
                run=point.run,
                training_flops=point.training_flops,
                value=read.value[p, i],
                stderr_runs=read.stderr_runs[p, i],
                stderr_items=stderr_items[p, i],
                runs=int(read.runs[p, i]),
                excluded=int(read.excluded[p, i]),
                **fields_of(read.status[p, i]),
            )


def gap_rows(ratios: Curves) -> Iterator[GapRow]:
    """Every ratio at every point."""
    stderr = spread(ratios.replicates)
    for j, key in enumerate(ratios.keys):
        for p, point in enumerate(ratios.points):
            yield GapRow(
                **fields_of(key),
                budget=point.budget,
                run=point.run,
                training_flops=np.exp(ratios.log_flops[p]),
                ratio=np.exp(ratios.value[p, j]),
                log_ratio=ratios.value[p, j],
                stderr_log=stderr[p, j],
                **fields_of(ratios.status[p, j]),
            )
