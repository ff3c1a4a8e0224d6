"""Conversion of table columns to the types of the measurement table."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.measurements.measurement import MEASUREMENTS
from relscale.storage.columns import numbers, plain, words

LARGEST = 2.0**63 - 1024  # the largest float that fits a signed 64-bit integer
COUNTS = ("items", "bytes")  # integers that may be written in scientific notation
MAY_BE_EMPTY = ("experiment", "block", "prompt", "status")  # besides nullable columns


def typed(table: pa.Table, name: str) -> pa.Table:
    """Convert the columns of measurements in a table to their types; other columns are unchanged.

    Raises
    ------
    RelscaleError
        A column has another type, or a required name is empty.
    """
    for field in MEASUREMENTS:
        if field.name in table.column_names:
            optional = field.nullable or field.name in MAY_BE_EMPTY
            column = typed_column(table[field.name], field, f"{name}: column {field.name!r}", optional)
            place = table.column_names.index(field.name)
            table = table.set_column(place, pa.field(field.name, field.type), column)
    return table


def typed_column(
    column: pa.ChunkedArray, field: pa.Field, place: str, optional: bool, default: str | None = None
) -> pa.ChunkedArray | pa.Array:
    """A column converted to the type of ``field``; empty cells of an ``optional`` text column become the default."""
    if pa.types.is_string(field.type):
        if not optional:
            return pa.array(words(column, place), field.type)
        column = plain(column)
        known = column.is_valid().to_pylist()
        texts = iter(words(column.drop_null(), place) if any(known) else [])
        return pa.array([next(texts) if is_known else default for is_known in known], field.type)
    found = numbers(column, place)
    if pa.types.is_floating(field.type):
        return found
    values = found.to_numpy()
    known = np.isfinite(values)
    fraction = (values != np.round(values)) & (field.name not in COUNTS)
    wrong = np.flatnonzero(known & ((np.abs(values) > LARGEST) | fraction))
    if len(wrong):
        raise RelscaleError(
            f"{place}, row {wrong[0] + 1}: {values[wrong[0]]:g} is not a whole number of 64 bits"
        )
    if pa.types.is_integer(plain(column).type):
        return pc.cast(plain(column), field.type)  # beyond 2⁵³ too
    return pa.array(np.where(known, np.round(values), 0).astype(np.int64), field.type, mask=~known)
