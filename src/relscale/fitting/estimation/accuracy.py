"""From loss to accuracy: a sigmoid for each group, over all runs of a matrix.

Limits are profile limits. Checkpoints of one training run are not independent: sigmoids through them have no limits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from relscale.fitting.curves.run_matrix import Floats, RunMatrix, Series
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.law_intervals import remark_on_limits
from relscale.fitting.estimation.profile_limits import profile_limits
from relscale.fitting.inference import interval
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import Method
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.settings import Settings
from relscale.fitting.status import OK, Remark, Status, together
from relscale.laws import sigmoid
from relscale.measurements.metric import Metric
from relscale.storage.rows import fields_of

CHECKPOINTS = Remark(Status.NO_INTERVAL, "no interval: checkpoints of one training run are not independent")


def sigmoid_rows(matrix: RunMatrix, settings: Settings) -> Iterator[ParameterRow]:
    """Rows of a sigmoid for each group with an accuracy; a flagged row if it cannot be fitted."""
    column = {series: i for i, series in enumerate(matrix.series)}
    for series, i in column.items():
        if not Metric.parse(series.metric).is_accuracy:
            continue
        predictor = _predictor(series, matrix.series)
        row = ParameterRow(
            **fields_of(matrix.curve_key(series)),
            law=sigmoid.LAW.name,
            parameter="ceiling",
            predictor=predictor.metric if predictor else None,
            level=settings.level,
            estimand=Estimand.THESE_ITEMS,
            status=Status.OK,
        )
        if predictor is None:
            note = "no bits per byte to predict accuracy from"
            yield replace(row, status=Status.NO_PREDICTOR, note=note)
        elif series.suite not in settings.chance:
            yield replace(row, status=Status.NO_CHANCE_LEVEL)
        else:
            loss, accuracy = matrix.values[:, column[predictor]], matrix.values[:, i]
            known = np.isfinite(loss) & np.isfinite(accuracy)
            floor = settings.chance[series.suite]
            blocks = np.array(matrix.training)[known]
            independent = len(set(blocks)) == len(blocks)
            yield from _sigmoid(row, loss[known], accuracy[known], floor, settings.level, independent)


def _predictor(accuracy: Series, columns: Sequence[Series]) -> Series | None:
    """The bits per byte of the right answer, of the same group and prompt, with subjects weighted in the same way.

    If either metric's name lacks the weighting of subjects, it is not compared.
    """
    subjects = Metric.parse(accuracy.metric).subjects
    same = [
        series
        for series in columns
        if series._replace(metric=accuracy.metric) == accuracy
        and Metric.parse(series.metric).is_loss
        and (subjects is None or Metric.parse(series.metric).subjects in (subjects, None))
    ]

    def order(series: Series) -> tuple[object, ...]:
        metric = Metric.parse(series.metric)
        return metric.subjects != subjects, metric.preference

    return min(same, key=order, default=None)


def _sigmoid(
    row: ParameterRow, loss: Floats, accuracy: Floats, floor: float, level: float, independent: bool
) -> Iterator[ParameterRow]:
    """The row of each parameter, based on a row with the curve's key."""
    row = replace(row, n=len(loss))
    yield replace(row, parameter="floor", value=floor, method=Method.FIXED, method_note="at chance")
    parameters = [name for name in sigmoid.LAW.names if name != "floor"]
    if len(np.unique(loss)) <= len(parameters):
        yield replace(row, status=Status.TOO_FEW_RUNS)
        return
    if not _above(accuracy, floor, level):
        yield replace(row, status=Status.NOT_ABOVE_CHANCE)
        return
    x, fixed = loss[None], {"floor": floor}
    starts = sigmoid.starts_above(floor, x, accuracy)
    estimates = estimate(sigmoid.LAW, x, accuracy, residual="linear", starts=starts, fixed=fixed)
    low, high = np.full((2, *estimates.theta.shape), np.nan)
    if independent:
        low, high = profile_limits(estimates, x, accuracy, level, residual="linear", fixed=fixed)
    theta, remark = dict(zip(estimates.names, estimates.theta[:, 0], strict=True)), estimates.status[0]
    if remark == OK and theta["ceiling"] <= floor:
        remark = Remark(Status.NOT_RISING)
    if not independent:
        remark = together(remark, CHECKPOINTS)
    for parameter in parameters:
        i = estimates.names.index(parameter)
        ends = remark_on_limits(sigmoid.LAW.parameters[i], low[i, 0], high[i, 0])
        yield replace(
            row,
            parameter=parameter,
            value=estimates.theta[i, 0],
            stderr=estimates.stderr[i, 0] if independent else np.nan,
            low=low[i, 0],
            high=high[i, 0],
            df=int(estimates.df[0]),
            method=Method.NONLINEAR_T,
            method_note=f"{estimates.agreeing[0]} of {estimates.starts} starts agree",
            **fields_of(together(remark, ends)),
        )


def _above(accuracy: Floats, floor: float, level: float) -> bool:
    """Whether the mean accuracy of the runs is above chance, by a one-sided t test."""
    stderr = accuracy.std(ddof=1) / np.sqrt(len(accuracy))
    return bool(accuracy.mean() - floor > interval.quantile(level, np.array(len(accuracy) - 1.0)) * stderr)
