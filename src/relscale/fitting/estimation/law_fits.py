"""Further laws of a config: each with a name, a law, and the measurements that it is fitted to and predicts.

name, law                name of the fit in tables, and a module of ``relscale.laws``
x                        columns of its predictors, if they differ from the law's names
fixed                    parameters that are held fixed
baseline                 for a law of gaps: the group that each other group is compared with
where                    conditions on columns: a value, or a list of allowed values
only, predict            the subsets of these rows that are fitted, and that are predicted
by                       one fit per distinct value of these columns
predictor                for a law from one metric to another: the metric of the same model
predictor_from           for its predictions: the fit whose predictions of that metric are used, draw by draw
leave_out_highest        number of points with the highest values to exclude
anchor                   points that are known without a measurement
residual, loss, delta    as in ``relscale.fitting.estimation.estimate``
weights                  none, or stderr: 1 / stderr² (of the logarithm for log residuals)
method                   levenberg-marquardt or variable-projection
bootstrap                scheme and limits; see ``relscale.fitting.estimation.law_draws``
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from relscale.errors import RelscaleError, keyed
from relscale.fitting.core_options import FurtherLaw
from relscale.fitting.estimation.fit_law import curve_key, fit_law
from relscale.fitting.estimation.law_columns import LawColumns, along_trainings, gaps, law_columns
from relscale.fitting.estimation.law_points import (
    MEASURED,
    ModelKey,
    Points,
    distinct,
    held_in,
    point_rows,
    points,
    select,
    takes_logarithm,
)
from relscale.fitting.estimation.law_predictions import Predicted, PredictionRow, predict
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.settings import Settings
from relscale.fitting.status import Status
from relscale.laws.law import Array, Law
from relscale.storage.rows import fields_of


def law_fits(measurements: pa.Table, settings: Settings) -> tuple[list[ParameterRow], list[PredictionRow]]:
    """Rows of the tables ``fits`` and ``predictions`` for every law of the config.

    Raises
    ------
    RelscaleError
        A law, column, option or fit is unknown, no row is selected, or a predictor is missing in all rows. A failed fit
        is a row with a status.
    """
    fits: list[ParameterRow] = []
    predictions: list[PredictionRow] = []
    predicted: dict[str, Predicted] = {}
    for entry in settings.laws:
        entry_fits, entry_predictions, predicted[entry.name] = _entry(
            measurements, entry, settings, predicted
        )
        fits += entry_fits
        predictions += entry_predictions
    return fits, predictions


def _entry(
    measurements: pa.Table, entry: FurtherLaw, settings: Settings, earlier: Mapping[str, Predicted]
) -> tuple[list[ParameterRow], list[PredictionRow], Predicted]:
    """One law of the config."""
    place = f"fit.laws.{entry.name}"
    with keyed(place):
        of = law_columns(settings.user_laws.get(entry.law, entry.law), entry.x, measurements)
        measurements = along_trainings(measurements, of.law, of.columns)
    _check_options(of, entry, place)
    law, source = of.law, entry.predictor_from
    if source is not None and source not in earlier:
        raise RelscaleError(f"{place}: predictor_from {source!r} is not the name of an earlier fit")

    baseline = _baseline(law, entry, settings, place)
    selected = _selected(measurements, law, entry.where or {}, baseline, place)
    by = list(entry.by) + (["group"] if baseline and "group" not in entry.by else [])
    measured = _measured(measurements, law, entry, place)
    selection = held_in(selected, entry, place)
    ahead = select(selected, entry.predict, f"{place}.predict") if entry.predict else None
    fits: list[ParameterRow] = []
    predictions: list[PredictionRow] = []
    predicted: dict[ModelKey, tuple[float, Array]] = {}
    for values in distinct(select(selected, entry.only or {}, f"{place}.only"), by, place):
        rows_of_fit = _with_values(selection, values)
        data = points(law, of.predictors, rows_of_fit, measured, entry.residual == "log")
        order = np.argsort(data.y, kind="stable")
        lowest = order[: max(0, len(order) - entry.leave_out_highest)]
        data = data.select(np.isin(np.arange(len(order)), lowest))
        if not len(data.y):
            reason = _nothing_to_fit(of, data, rows_of_fit.num_rows)
            if not values:
                raise RelscaleError(f"{place}: {reason}")
            fits.append(
                ParameterRow(
                    **fields_of(curve_key([], values | {"baseline": baseline})),
                    fit=entry.name,
                    law=law.name,
                    n=0,
                    status=Status.TOO_FEW_POINTS,
                    note=reason,
                )
            )
            continue
        data = data.anchored(entry.anchor) if entry.anchor else data
        fitted, rows = fit_law(
            of, entry, data, settings, values | ({"baseline": baseline} if baseline else {})
        )
        fits += rows
        if ahead is not None:
            ahead_of_curve = _with_values(ahead, values)
            if ahead_of_curve.num_rows:
                new, of_models = predict(
                    fitted, entry, ahead_of_curve, measured, earlier.get(source or ""), settings
                )
                predictions += new
                predicted.update(of_models)
    return fits, predictions, predicted


def _check_options(of: LawColumns, entry: FurtherLaw, place: str) -> None:
    """Refuse fixed parameters that the law does not have, and anchors that are not its points."""
    law = of.law
    for name in entry.fixed:
        if name not in law.names:
            raise RelscaleError(
                f"{place}.fixed: law {law.name} has no parameter {name!r}; it has {', '.join(law.names)}"
            )
    for point in entry.anchor:
        if len(point) != len(of.predictors) + 1:
            needed = f"{', '.join(of.predictors)} and the value"
            raise RelscaleError(f"{place}.anchor: {list(point)} is not a point of law {law.name}: {needed}")
        logs = [takes_logarithm(law, i) for i in range(len(of.predictors))] + [entry.residual == "log"]
        if any(is_log and value <= 0 for is_log, value in zip(logs, point, strict=True)):
            raise RelscaleError(f"{place}.anchor: {list(point)} has a number without a logarithm")


def _nothing_to_fit(of: LawColumns, data: Points, rows: int) -> str:
    """Why none of a fit's ``rows`` can be used."""
    if not rows:
        return "all of its measurements are held out for prediction; none is left to fit"
    first = f" ({data.lost[0]})" if data.lost else ""
    return f"no row has both a trusted value and {', '.join(of.predictors)}{first}"


def _measured(
    measurements: pa.Table, law: Law, entry: FurtherLaw, place: str
) -> dict[ModelKey, float] | None:
    """The measured predictor of a law, by model; None for a law without one."""
    if MEASURED not in law.predictors:
        return None
    if not entry.predictor:
        raise RelscaleError(f"{place}: law {law.name} needs a measured predictor; set predictor")
    result: dict[ModelKey, float] = {}
    for row in point_rows(select(measurements, entry.predictor, f"{place}.predictor")):
        if row.value is None or not row.is_trusted:
            continue
        if row.model in result:
            raise RelscaleError(
                f"{place}.predictor: run {row.run!r} has several matching values; set group, suite and metric"
            )
        result[row.model] = row.value
    return result


def _baseline(law: Law, entry: FurtherLaw, settings: Settings, place: str) -> str | None:
    """The baseline group of a law of gaps; None for other laws."""
    baseline = entry.baseline
    if law.gap is None and baseline is not None:
        raise RelscaleError(f"{place}.baseline: law {law.name} compares no groups")
    if law.gap == "ratio" and baseline is None:
        suite = (entry.where or {}).get("suite")
        baseline = settings.baselines.get(suite) if isinstance(suite, str) else None
        if baseline is None:
            raise RelscaleError(f"{place}: law {law.name} compares groups; set the baseline")
    return baseline


def _selected(
    measurements: pa.Table, law: Law, where: Mapping[str, object], baseline: str | None, place: str
) -> pa.Table:
    """The rows of ``where``; with a baseline, the gaps to it of all other groups."""
    if baseline is None or law.gap is None:
        return select(measurements, where, place)
    selection = select(measurements, {name: where[name] for name in where if name != "group"}, place)
    with keyed(place):
        compared = gaps(selection, law.gap, baseline)
    return select(compared, {"group": where["group"]} if "group" in where else {}, place)


def _with_values(table: pa.Table, values: Mapping[str, object]) -> pa.Table:
    keep = [
        all(row[name] == value for name, value in values.items())
        for row in table.select(list(values)).to_pylist()
    ]
    return table.filter(pa.array(keep, pa.bool_())) if values else table
