"""From loss to accuracy: a sigmoid for each group, over all runs of a ladder."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from relscale.fitting import interval
from relscale.fitting.ladder import Floats, Ladder, Series
from relscale.fitting.nonlinear import least_squares
from relscale.fitting.settings import Settings
from relscale.laws import sigmoid

Row = dict[str, Any]

PREFERRED = "bits_per_byte_answer_mean"  # the loss to predict from, where there are several


def sigmoid_rows(ladder: Ladder, chosen: Settings) -> list[Row]:
    """Rows of a sigmoid for each group that has an accuracy; a flagged row where it cannot be fitted."""
    column = {series: i for i, series in enumerate(ladder.series)}
    rows: list[Row] = []
    for series, i in column.items():
        if not series.metric.startswith("accuracy"):
            continue
        predictor = _predictor(series, ladder.series)
        common = series._asdict() | {
            "law": sigmoid.NAME,
            "predictor": predictor.metric if predictor else None,
            "level": chosen.level,
            "estimand": interval.THESE_ITEMS,
        }
        if predictor is None:
            rows.append(common | {"parameter": "ceiling", "status": "no bits per byte to predict it from"})
        elif series.suite not in chosen.chance:
            rows.append(
                common | {"parameter": "ceiling", "status": "the chance of a right guess is not given"}
            )
        else:
            loss, accuracy = ladder.values[:, column[predictor]], ladder.values[:, i]
            known = np.isfinite(loss) & np.isfinite(accuracy)
            floor = chosen.chance[series.suite]
            rows += [common | row for row in _sigmoid(loss[known], accuracy[known], floor, chosen.level)]
    return rows


def _predictor(accuracy: Series, columns: Sequence[Series]) -> Series | None:
    """The bits per byte of the same group under the same prompt."""
    same = [
        series
        for series in columns
        if series._replace(metric=accuracy.metric) == accuracy and series.metric.startswith("bits_per_byte")
    ]
    return min(same, key=lambda series: (series.metric != PREFERRED, series.metric), default=None)


def _sigmoid(loss: Floats, accuracy: Floats, floor: float, level: float) -> list[Row]:
    common: Row = {"n": len(loss)}
    floor_row = common | {"parameter": "floor", "value": floor, "scheme": "fixed at chance", "status": "ok"}
    if len(np.unique(loss)) <= len(sigmoid.PARAMETERS):
        return [floor_row, common | {"parameter": "ceiling", "status": "too few runs"}]
    if not _above(accuracy, floor, level):
        return [floor_row, common | {"parameter": "ceiling", "status": "accuracy is not above chance"}]
    found = least_squares(
        lambda theta: sigmoid.accuracy(loss, *theta, floor=floor) - accuracy,
        lambda theta: sigmoid.jacobian(loss, *theta, floor=floor),
        sigmoid.PARAMETERS,
        sigmoid.starts(loss, accuracy, floor),
        sigmoid.bounds(loss, floor),
        level,
    )
    scheme = f"t interval of nonlinear least squares; {found.agreeing} of {found.starts} starts agree"
    common |= {"scheme": scheme, "df": found.df, "status": found.status}
    columns = {"value": found.values, "stderr": found.stderr, "low": found.low, "high": found.high}
    return [floor_row] + [
        common | {"parameter": parameter} | {name: column[i] for name, column in columns.items()}
        for i, parameter in enumerate(sigmoid.PARAMETERS)
    ]


def _above(accuracy: Floats, floor: float, level: float) -> bool:
    """Whether the mean accuracy of the runs is above chance, by a one-sided t test."""
    stderr = accuracy.std(ddof=1) / np.sqrt(len(accuracy))
    return bool(accuracy.mean() - floor > interval.quantile(level, np.array(len(accuracy) - 1.0)) * stderr)
