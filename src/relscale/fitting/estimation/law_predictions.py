"""Predictions of a fitted law for held-out models, with intervals: rows of ``predictions``."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from relscale.fitting.core_options import FurtherLaw
from relscale.fitting.estimation.beyond_data import beyond
from relscale.fitting.estimation.fitted_law import Fitted
from relscale.fitting.estimation.law_model_error import log_size
from relscale.fitting.estimation.law_points import MEASURED, ModelKey, PointRow, numbers_of, point_rows
from relscale.fitting.inference.bootstrap.limits import PERCENTILE, draws_note, limits
from relscale.fitting.inference.bootstrap.schemes import METHODS
from relscale.fitting.inference.method import Method
from relscale.fitting.keys import SeriesKey
from relscale.fitting.settings import Settings
from relscale.fitting.status import Remark, Status, together
from relscale.laws.law import Array
from relscale.storage.rows import column, fields_of, names_of

NO_PREDICTOR = Remark(Status.NO_PREDICTOR, "no predictor for this run")
SINGLE_RUN = "including the scatter of a single run"

# The prediction of each model by a fit, and its draws.
Predicted = Mapping[ModelKey, tuple[float, Array]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionRow(SeriesKey):
    """One row per further law and held-out run that it predicts."""

    fit: str = column("Name of the further law in the config.")
    law: str = column("Name of the law.")
    run: str | None = column("The run.")
    training_flops: float | None = column("Its training compute.", "FLOPs")
    params: float | None = column("Its parameters.")
    tokens: float | None = column("Its training tokens.", "tokens")
    observed: float | None = column("The measured value.")
    predicted: float | None = column("The prediction.", default=None)
    low: float | None = column("Lower limit of the prediction interval.", default=None)
    high: float | None = column("Upper limit.", default=None)
    level: float = column("Level of the prediction interval.")
    relative_error: float | None = column("|predicted − observed| / |observed|.", default=None)
    method: Method | None = column("How the interval was made.", default=None)
    method_note: str | None = column("Details of the method.", default=None)
    status: Status = column("ok, or why the row cannot be used.")
    note: str | None = column("Explanation of the status.")


def predict(
    fitted: Fitted,
    entry: FurtherLaw,
    held_out: pa.Table,
    measured: Mapping[ModelKey, float] | None,
    source: Predicted | None,
    settings: Settings,
) -> tuple[list[PredictionRow], Predicted]:
    """Rows of the table ``predictions``, and the predictions by model.

    Parameters
    ----------
    measured
        For a law of a measured predictor, its value by model.
    source
        Predictions of another fit, used in place of that predictor.
    """
    law, drawn = fitted.law, fitted.drawn
    theta = fitted.estimates.theta[:, 0]
    rows: list[PredictionRow] = []
    result: dict[ModelKey, tuple[float, Array]] = {}
    points = point_rows(held_out)
    predictors = {name: numbers_of(held_out, name) for name in fitted.columns if name != MEASURED}
    for i in sorted(range(len(points)), key=lambda i: str(points[i].model)):
        point = points[i]
        number = drawn.theta.shape[1] if drawn is not None else 0
        measured_predictor = _measured_predictor(point.model, measured, source, number)
        raw = np.array(
            [measured_predictor[0] if name == MEASURED else predictors[name][i] for name in fitted.columns]
        )
        value = float(law.value(theta, fitted.x(raw)[:, None])[0])
        row = PredictionRow(
            **{name: getattr(point, name) for name in names_of(SeriesKey)},
            fit=entry.name,
            law=law.name,
            run=point.run,
            training_flops=point.training_flops,
            params=point.params,
            tokens=point.tokens,
            observed=point.value,
            level=settings.level,
            **fields_of(NO_PREDICTOR),
        )
        if not np.isfinite(value):
            rows.append(row)
            continue
        observed = np.empty(0)
        if drawn is not None:
            raw_draws = np.array(
                [
                    measured_predictor[1] if name == MEASURED else np.full(number, predictors[name][i])
                    for name in fitted.columns
                ]
            )
            with np.errstate(all="ignore"):
                values = law.value(drawn.theta, fitted.x(raw_draws)[:, None])[0]
                observed = values * np.exp(drawn.noise) if fitted.log_residual else values + drawn.noise
        result[point.model] = value, observed
        row, remark = _with_interval(row, fitted, value, raw, observed, source is None)
        row, description = _widened(row, fitted, point, value, raw)
        error = abs((value - point.value) / point.value) if point.value else None
        remark = together(remark, Remark(Status.BEYOND_DATA, description)) if description else remark
        rows.append(replace(row, predicted=value, relative_error=error, **fields_of(remark)))
    return rows, result


def _with_interval(
    row: PredictionRow, fitted: Fitted, value: float, raw: Array, observed: Array, is_measured: bool
) -> tuple[PredictionRow, Remark]:
    """The row with its prediction interval, by t or from the draws, and a remark on it."""
    remark, drawn = fitted.estimates.status[0], fitted.drawn
    if fitted.by_t and is_measured:
        low, high = fitted.interval(fitted.x(raw), row.level)
        return replace(row, low=low, high=high, method=Method.NONLINEAR_T, method_note=SINGLE_RUN), remark
    if drawn is None:
        return row, remark
    of_draws = limits(np.array([value]), observed[None], row.level)
    note = draws_note(PERCENTILE, len(observed), int(of_draws.failed[0]))
    row = replace(row, method=METHODS[drawn.scheme], method_note=f"{note}, {SINGLE_RUN}")
    if np.isfinite(of_draws.low[0]):
        row = replace(row, low=float(of_draws.low[0]), high=float(of_draws.high[0]))
    return row, together(remark, of_draws.status[0])


def _widened(
    row: PredictionRow, fitted: Fitted, point: PointRow, value: float, raw: Array
) -> tuple[PredictionRow, str]:
    """Widen the interval of a prediction beyond the data; also returns a description of its distance, or empty."""
    distance, description = _beyond(fitted, point, raw)
    if not description or row.low is None or row.high is None or not distance > 0:
        return row, description
    low, high = fitted.wider(value, (row.low, row.high), distance, row.level)
    note = f"{row.method_note}, widened by the backtest error of such predictions"
    return replace(row, low=low, high=high, method_note=note), description


def _beyond(fitted: Fitted, point: PointRow, raw: Array) -> tuple[float, str]:
    """Distance of a model beyond the data: ln of the ratio of compute, and a description."""
    data = fitted.data
    if data is None or MEASURED in fitted.columns:
        return 0.0, ""
    names, values, at = list(fitted.columns), data.x[:, : data.measured], raw
    sizes, size = log_size(data), point.size
    if sizes is None or not size > 0:
        return 0.0, beyond(names, values, at)
    if "training_flops" not in names:
        names, at = [*names, "training_flops"], np.append(at, size)
        values = np.vstack([values, np.exp(sizes[: data.measured])])
    return float(np.log(size) - sizes.max()), beyond(names, values, at)


def _measured_predictor(
    model: ModelKey, measured: Mapping[ModelKey, float] | None, source: Predicted | None, number: int
) -> tuple[float, Array]:
    """The measured predictor of a model, or its prediction by another fit, and its draws (B,)."""
    if source is None:
        value = (measured or {}).get(model, np.nan)
        return value, np.full(number, value)
    value, drawn = source.get(model, (np.nan, np.empty(0)))
    # If the first stage has fewer draws than this one, or none, its prediction is used without draws.
    return value, drawn if len(drawn) == number else np.full(number, value)
