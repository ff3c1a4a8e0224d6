"""The rows of a table as measurements to which a law is fitted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.compute_columns import (
    SCALES,
    SIZES,
    check_no_logarithm,
    check_one_unit,
    check_same_units,
    is_compute,
)
from relscale.errors import RelscaleError
from relscale.fitting.estimation.law_columns import along_trainings
from relscale.fitting.estimation.law_points import MEASURED, SPENT
from relscale.fitting.inference.bootstrap.schemes import Floats
from relscale.laws.law import Law
from relscale.laws.predictor_columns import check_predictor_columns
from relscale.measurements.status import Status, joined
from relscale.storage.columns import numbers
from relscale.table_fit.columns import Columns
from relscale.table_fit.measurements import (
    check_columns,
    check_once,
    error_metric,
    joined_words,
    measurements_of,
    measures_something,
    statuses_of,
    whole_steps,
)

ALL = "all"  # the group of a table without groups
OBSERVED_LOSS = "loss_seen"  # the metric of a measured predictor


@dataclass(frozen=True)
class LawRows:
    """Measurements of a law's error.

    Attributes
    ----------
    measurements
        One per row of the table, but for empty rows of a logger.
    usable
        Those with numbers as predictors; for a law of training curves with the predictors computed from these.
    observed
        One per row with the measured predictor as its value, if the law has one.
    """

    measurements: pa.Table
    usable: pa.Table
    observed: pa.Table | None


def law_rows(source: pa.Table, columns: Columns, law: Law, residual: str, name: str, rows: int) -> LawRows:
    """The rows of a table as measurements of its column of errors.

    ``rows`` are those of the table as it was given: of a wide table, ``source`` has them once for each group.

    Raises
    ------
    RelscaleError
        The number of columns is not that of the predictors, a cell is not a number, several rows measure the same, or
        no row can be fitted.
    """
    predictors = law.input_columns
    try:
        check_predictor_columns(law, columns.x, computed=True)
    except RelscaleError as reason:
        raise RelscaleError(f"{name}: {reason}") from None
    is_of_trainings = law.make_predictors is not None
    runs = columns.run or (("run",) if "run" in source.column_names else () if is_of_trainings else columns.x)
    trainings = (columns.block,) if columns.block else runs
    if is_of_trainings:
        runs = tuple(dict.fromkeys([*trainings, columns.x[0]]))
    check_columns(source, [*runs, *trainings], name)

    def floats(column: str) -> Floats:
        floats: Floats = numbers(source[column], f"{name}: column {column!r}").to_numpy()
        return floats

    def text(named: Sequence[str], default: str, numeric: Sequence[str] = ()) -> pa.Array:
        return joined_words(source, named, name, numeric) if named else pa.repeat(default, source.num_rows)

    (error,) = columns.y
    labels = {
        "corpus": text([columns.corpus] if columns.corpus else [], name),
        "run": text(runs, name, columns.x),
        "block": text(trainings, name, columns.x),
        "suite": text([], name),
        "group": text([columns.group] if columns.group else [], ALL),
    }
    values = floats(error)
    of_x = dict(zip(predictors, columns.x, strict=True))
    named = {"tokens": columns.tokens, "params": columns.params} | of_x
    scale = {to: floats(column) for to, column in named.items() if column}
    flops = of_x.get("training_flops")
    if flops:
        check_no_logarithm(flops, scale["training_flops"], name)
    for to, column in named.items():
        if column and to in SIZES:
            check_one_unit(column, scale[to], name)
    x_statuses = statuses_of({column: (scale[to], to in SPENT) for to, column in of_x.items()}, rows)
    y_statuses = statuses_of({error: (values, residual == "log")}, rows)
    statuses = map(joined, zip(x_statuses, y_statuses, strict=True))
    measured = scale.pop(MEASURED, None)
    if "step" in scale:
        scale["step"] = whole_steps(scale["step"], columns.x[0], name)

    def as_measurements(metric: str, value: Floats, status: list[str]) -> pa.Table:
        cells = {"metric": text([], metric), "value": value, "status": pa.array(status)}
        return measurements_of(labels | scale | cells, name)

    all_rows = as_measurements(error_metric(error), values, list(statuses))
    kept = measures_something(all_rows)
    measurements = all_rows.filter(kept)
    has_x = pa.array([status == Status.OK for status in x_statuses])
    usable = all_rows.filter(pc.and_(kept, has_x))
    if usable.num_rows == 0 or pc.all(pc.not_equal(usable["status"], Status.OK)).as_py():
        is_negative = usable.num_rows and residual == "log" and (values[np.isfinite(values)] <= 0).all()
        hint = "; residual linear fits such values" if is_negative else ""
        first = measurements["status"][0].as_py()
        raise RelscaleError(f"{name}: no row can be fitted, the first is {first}{hint}")
    check_once(usable, name, runs, columns.group)
    if flops and is_compute(flops) and columns.params and columns.tokens:
        _check_units(usable, name, [flops, columns.params, columns.tokens])
    if is_of_trainings:
        try:
            usable = along_trainings(usable, law, predictors)
        except RelscaleError as reason:
            raise RelscaleError(f"{name}: {reason}") from reason
    observed = None if measured is None else as_measurements(OBSERVED_LOSS, measured, x_statuses).filter(kept)
    return LawRows(measurements, usable, observed)


def _check_units(measurements: pa.Table, name: str, columns: Sequence[str]) -> None:
    """Refuse a corpus whose rows have compute, parameters or tokens in other units."""
    for corpus in pc.unique(measurements["corpus"]).to_pylist():
        of_corpus = measurements.filter(pc.equal(measurements["corpus"], corpus))
        check_same_units([of_corpus[scale].to_numpy() for scale in SCALES], name, columns)
