"""Columns of measurements used by a law of the config: its predictors, and those computed from a training curve.

A predictor is the column that the law names, or the one that the config names in its place, such as ``batch_tokens``
for a power law. A law of a training curve depends on the whole schedule: its predictors are computed from all steps of
a run, including those that are neither fitted nor predicted. The value of a law of gaps is the ratio or the difference
of the values of a group and of its baseline, for the same model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.fitting.estimation.law_points import MEASURED, ModelKey, PointRow, numbers_of, point_rows
from relscale.laws.catalogue import law_or_family
from relscale.laws.law import Family, Gap, Law
from relscale.laws.predictor_columns import check_predictor_columns
from relscale.measurements.status import Status

NumberKey = tuple[ModelKey, str | None, str | None, str | None]  # common to a value and its baseline's

TRAINING = ("experiment", "corpus", "optimizer", "block")  # common to the steps of one training run


@dataclass(frozen=True)
class LawColumns:
    """A law, and the columns of the measurements that its predictors come from.

    Attributes
    ----------
    columns
        In the order of ``law.predictors``; for a law of a training curve, of ``law.source_columns``.
    """

    law: Law
    columns: tuple[str, ...]

    @property
    def predictors(self) -> tuple[str, ...]:
        """The columns of the predictors themselves."""
        return self.law.predictors if self.law.make_predictors else self.columns


def law_columns(name: str | Law, x: Sequence[str], table: pa.Table) -> LawColumns:
    """The law of that name and the columns of its predictors.

    Parameters
    ----------
    x
        The columns of the predictors if they differ from the law's names; for a family, those of its members,
        by default all with the family's prefix.

    Raises
    ------
    RelscaleError
        There is no such law, a column is missing, or the number of columns differs from that of the predictors.
    """
    entry = law_or_family(name)
    if isinstance(entry, Family):
        prefixed = tuple(column for column in table.column_names if column.startswith(entry.prefix))
        x = tuple(x) or (entry.columns(prefixed) if prefixed else ())
        law = entry.law(tuple(x))
    else:
        law = entry
    columns = tuple(x) or law.input_columns
    check_predictor_columns(law, columns, computed=True)
    missing = [n for n in columns if n != MEASURED and n not in table.column_names]
    if missing:
        raise RelscaleError(f"law {name} needs the columns {', '.join(missing)}, which are missing")
    for column in columns:
        kind = table[column].type if column != MEASURED else pa.float64()
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
            raise RelscaleError(f"law {name}: the column {column!r} contains {kind}, not numbers")
    return LawColumns(law, columns)


def along_trainings(measurements: pa.Table, law: Law, columns: Sequence[str]) -> pa.Table:
    """Add the predictors that a law computes from the steps of each training run; null if it computes none.

    Parameters
    ----------
    columns
        Columns for ``law.source_columns``, the step first.

    Raises
    ------
    RelscaleError
        A training run has two values at one step, or steps that the law cannot use.
    """
    if law.make_predictors is None:
        return measurements
    curves = np.array([numbers_of(measurements, column) for column in columns])
    known = np.isfinite(curves).all(axis=0)
    predictors = np.full((len(law.predictors), measurements.num_rows), np.nan)
    for training, rows in _trainings(measurements, known).items():
        step, first, place = np.unique(curves[0, rows], return_index=True, return_inverse=True)
        curve = curves[:, rows[first]]
        if (curves[:, rows] != curve[:, place]).any():
            at = step[place[(curves[:, rows] != curve[:, place]).any(axis=0)][0]]
            raise RelscaleError(f"{training}: several values of {', '.join(columns[1:])} at step {at:g}")
        try:
            predictors[:, rows] = law.make_predictors(curve)[:, place]
        except RelscaleError as error:
            raise RelscaleError(f"{training}: {error}") from error
    for predictor, values in zip(law.predictors, predictors, strict=True):
        array = pa.array(values, mask=~np.isfinite(values))
        if predictor in measurements.column_names:
            measurements = measurements.drop_columns([predictor])
        measurements = measurements.append_column(predictor, array)
    return measurements


def _trainings(measurements: pa.Table, known: NDArray[np.bool_]) -> dict[str, NDArray[np.int64]]:
    """The rows of each training run for which all of them are ``known``, by the run's name."""
    names = [name for name in TRAINING if name in measurements.column_names]
    if "block" not in names or measurements["block"].null_count:
        names = [*(name for name in names if name != "block"), "run"]
    keys = list(zip(*(measurements[name].to_pylist() for name in names), strict=True))
    result: dict[tuple[Any, ...], list[int]] = {}
    for row in np.flatnonzero(known):
        result.setdefault(keys[row], []).append(int(row))
    return {str(key[-1]): np.array(rows) for key, rows in result.items()}


def gaps(table: pa.Table, gap: Gap, baseline: str) -> pa.Table:
    """The ratio or difference of every other group's row to the baseline's; a row without one has a status.

    Raises
    ------
    RelscaleError
        There are no rows of the baseline or of another group, or a model has several values of the baseline.
    """
    rows = point_rows(table)
    of_baseline: dict[NumberKey, PointRow] = {}
    for row in rows:
        if row.group == baseline:
            if _number_key(row) in of_baseline:
                raise RelscaleError(f"run {row.run!r} has several values of the baseline {baseline!r}")
            of_baseline[_number_key(row)] = row
    if not of_baseline:
        groups = sorted({str(row.group) for row in rows})
        raise RelscaleError(f"no measurement is of the baseline {baseline!r}; there are {', '.join(groups)}")
    others = [i for i, row in enumerate(rows) if row.group != baseline]
    if not others:
        raise RelscaleError(
            f"all measurements are of the baseline {baseline!r}; there is no group to compare with it"
        )
    values, statuses = zip(
        *(_gap(rows[i], of_baseline.get(_number_key(rows[i])), gap) for i in others), strict=True
    )
    result = table.take(others)
    for name, cells, kind in (("value", values, pa.float64()), ("status", statuses, pa.string())):
        result = result.set_column(result.column_names.index(name), name, pa.array(cells, kind))
    if (
        "stderr" in result.column_names
    ):  # both are measured on the same items, so their errors are not independent
        nothing = pa.nulls(len(others), pa.float64())
        result = result.set_column(result.column_names.index("stderr"), "stderr", nothing)
    return result


def _gap(row: PointRow, base: PointRow | None, gap: Gap) -> tuple[float | None, str]:
    for source, prefix in ((row, ""), (base, "baseline: ")):
        if source is not None and not source.is_trusted:
            return None, f"{prefix}{source.status}"
        if source is None or source.value is None:
            return None, f"{prefix}no value"
    assert base is not None  # or there was a status
    assert row.value is not None
    assert base.value is not None
    if gap == "difference":
        return row.value - base.value, Status.OK
    return (row.value / base.value, Status.OK) if base.value else (None, "baseline: it is 0")


def _number_key(row: PointRow) -> NumberKey:
    return (row.model, row.suite, row.prompt, row.metric)
