"""From loss to accuracy: a sigmoid for each group, over all runs of a matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from relscale.fitting.curves.run_matrix import Floats, RunMatrix, Series
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.inference import interval
from relscale.fitting.settings import Settings
from relscale.laws import sigmoid
from relscale.measurements.metric import Metric

Row = dict[str, Any]


def sigmoid_rows(matrix: RunMatrix, chosen: Settings) -> list[Row]:
    """Rows of a sigmoid for each group that has an accuracy; a flagged row where it cannot be fitted."""
    column = {series: i for i, series in enumerate(matrix.series)}
    whose = {"experiment": matrix.experiment, "corpus": matrix.corpus, "optimizer": matrix.optimizer}
    rows: list[Row] = []
    for series, i in column.items():
        if not Metric.parse(series.metric).is_accuracy:
            continue
        predictor = _predictor(series, matrix.series)
        common = (
            whose
            | series._asdict()
            | {
                "law": sigmoid.LAW.name,
                "predictor": predictor.metric if predictor else None,
                "level": chosen.level,
                "estimand": interval.THESE_ITEMS,
            }
        )
        if predictor is None:
            rows.append(common | {"parameter": "ceiling", "status": "no bits per byte to predict it from"})
        elif series.suite not in chosen.chance:
            rows.append(
                common | {"parameter": "ceiling", "status": "the chance of a right guess is not given"}
            )
        else:
            loss, accuracy = matrix.values[:, column[predictor]], matrix.values[:, i]
            known = np.isfinite(loss) & np.isfinite(accuracy)
            floor = chosen.chance[series.suite]
            rows += [common | row for row in _sigmoid(loss[known], accuracy[known], floor, chosen.level)]
    return rows


def _predictor(accuracy: Series, columns: Sequence[Series]) -> Series | None:
    """The bits per byte of the right answer, of the same group under the same prompt; subjects weighed alike.

    Where either says nothing of subjects, the two are taken as they are.
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


def _sigmoid(loss: Floats, accuracy: Floats, floor: float, level: float) -> list[Row]:
    common: Row = {"n": len(loss)}
    floor_row = common | {"parameter": "floor", "value": floor, "scheme": "fixed at chance", "status": "ok"}
    parameters = [name for name in sigmoid.LAW.names if name != "floor"]
    if len(np.unique(loss)) <= len(parameters):
        return [floor_row, common | {"parameter": "ceiling", "status": "too few runs"}]
    if not _above(accuracy, floor, level):
        return [floor_row, common | {"parameter": "ceiling", "status": "accuracy is not above chance"}]
    starts = sigmoid.starts_above(floor, loss[None], accuracy)
    found = estimate(sigmoid.LAW, loss[None], accuracy, error="linear", starts=starts, fixed={"floor": floor})
    low, high = found.interval(level)
    theta, status = dict(zip(found.names, found.theta[:, 0], strict=True)), found.status[0]
    if status == "ok" and theta["ceiling"] <= floor:
        status = "accuracy does not rise as loss falls"
    scheme = f"t interval of nonlinear least squares; {found.agreeing[0]} of {found.starts} starts agree"
    common |= {"scheme": scheme, "df": int(found.df[0]), "status": status}
    columns = {"value": found.theta, "stderr": found.stderr, "low": low, "high": high}
    return [floor_row] + [
        common
        | {"parameter": parameter}
        | {name: column[found.names.index(parameter), 0] for name, column in columns.items()}
        for parameter in parameters
    ]


def _above(accuracy: Floats, floor: float, level: float) -> bool:
    """Whether the mean accuracy of the runs is above chance, by a one-sided t test."""
    stderr = accuracy.std(ddof=1) / np.sqrt(len(accuracy))
    return bool(accuracy.mean() - floor > interval.quantile(level, np.array(len(accuracy) - 1.0)) * stderr)
