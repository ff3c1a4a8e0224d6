"""Sanity checks: rows of user-supplied measurements with status ok and an impossible value."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.measurements.metric import Metric
from relscale.measurements.status import Status, of_items
from relscale.storage.columns import numbers

PLACE = ("corpus", "optimizer", "suite", "prompt", "group", "metric")
SHARES = ("accuracy", "probability")  # quantities from 0 to 1


def flag_impossible(table: pa.Table) -> pa.Table:
    """Flag rows with status ok whose number no law can be fitted to, with a status that states why.

    Flagged are a value that is missing, NaN or infinite; an error (bits per byte, a loss …) that is negative, or 0,
    which has no logarithm; an accuracy or probability outside 0 to 1, such as one in percent; a negative standard
    error. A value that is not finite becomes null; others are kept.

    Parameters
    ----------
    table
        Table with columns metric and value; status and stderr are optional.

    Raises
    ------
    RelscaleError
        A column of numbers contains other values.
    """
    value = _floats(table, "value")
    finite = np.isfinite(value)
    stderr = _floats(table, "stderr") if "stderr" in table.column_names else np.full(len(value), np.nan)
    statuses = table["status"] if "status" in table.column_names else pa.nulls(len(value), pa.string())
    status = np.array(pc.fill_null(pc.cast(statuses, pa.string()), str(Status.OK)).to_pylist(), dtype=object)
    for wrong, reason in _invalid_rows(table["metric"], value, stderr):
        status[(status == Status.OK) & wrong] = reason
    table = _with_column(table, "value", pa.array(value, pa.float64(), mask=~finite))
    if "stderr" in table.column_names:
        table = _with_column(table, "stderr", pa.array(stderr, pa.float64(), mask=~np.isfinite(stderr)))
    return _with_column(table, "status", pa.array(status, pa.string()))


def flag_fewer_items(table: pa.Table) -> pa.Table:
    """Flag rows with status ok that are based on fewer items than the same metric of another model.

    Parameters
    ----------
    table
        Measurements. Models are compared within their corpus and optimizer, and only if ``items`` are known.
    """
    if table["items"].null_count == table.num_rows:
        return table
    keys = list(zip(*(table[name].to_pylist() for name in PLACE), strict=True))
    items = table["items"].to_pylist()
    most: dict[tuple[Any, ...], int] = {}
    statuses = table["status"].to_pylist()
    for key, number, status_given in zip(keys, items, statuses, strict=True):
        if status_given == Status.OK:
            most[key] = max(most.get(key, 0), number or 0)
    status = [
        of_items(Status.INCOMPLETE, number, most[key])
        # Whether a document is long enough to score depends on the model's tokenizer.
        if status_given == Status.OK and number and number < most[key] and "_document_" not in key[-1]
        else status_given
        for key, number, status_given in zip(keys, items, statuses, strict=True)
    ]
    return _with_column(table, "status", pa.array(status, pa.string()))


def _invalid_rows(
    metric: pa.ChunkedArray, value: np.ndarray, stderr: np.ndarray
) -> Iterator[tuple[np.ndarray, str]]:
    """Masks of invalid rows, each with its status."""
    names = pc.cast(metric, pa.string()).combine_chunks().dictionary_encode()
    kinds = [Metric.parse(name) for name in names.dictionary.to_pylist()]
    codes = names.indices.fill_null(len(kinds)).to_numpy()
    is_error = np.array([*(kind.is_error for kind in kinds), False])[codes]
    is_share = np.array([*(kind.quantity.startswith(SHARES) for kind in kinds), False])[codes]
    yield ~np.isfinite(value), str(Status.NO_NUMBER)
    yield is_error & (value < 0), f"{Status.IMPOSSIBLE}: an error below 0"
    yield is_error & (value == 0), f"{Status.NOT_POSITIVE}: an error of 0 has no logarithm"
    yield is_share & ((value < 0) | (value > 1)), f"{Status.IMPOSSIBLE}: not between 0 and 1"
    yield stderr < 0, f"{Status.IMPOSSIBLE}: its standard error is negative"


def _floats(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(numbers(table[name], f"measurements: column {name!r}").to_numpy(), dtype=float)


def _with_column(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    if name not in table.column_names:
        return table.append_column(name, column)
    place = table.column_names.index(name)
    field = table.schema.field(name)
    return table.set_column(place, field, column.cast(field.type))
