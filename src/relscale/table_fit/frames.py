"""Conversion of in-memory tables to Arrow: pandas, polars, numpy, and any library with Arrow's interface."""

from collections import Counter
from typing import Any

import pyarrow as pa

from relscale.errors import RelscaleError, first_line
from relscale.lookalikes import check_lookalikes
from relscale.storage.columns import column

ACCEPTED = "a path, an Arrow table, a pandas or polars frame, or a numpy array with named columns"


def arrow_table(frame: Any) -> pa.Table:
    """A table in memory as an Arrow table, without importing a data frame library.

    The named levels of a pandas index become columns; column names become text.

    Raises
    ------
    RelscaleError
        It is not a table, or two of its columns have the same name or names that look alike.
    """
    table = _as_arrow(frame)
    repeated = [name for name, count in Counter(table.column_names).items() if count > 1]
    if repeated:
        raise RelscaleError(f"table: {repeated[0]!r} is the name of several columns; rename one")
    check_lookalikes(table.column_names, "table: columns")
    return table


def _as_arrow(frame: Any) -> pa.Table:
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, type):
        raise RelscaleError(f"a table is {ACCEPTED}, not the class {frame.__name__}")
    try:
        if hasattr(frame, "iloc") and hasattr(frame, "columns"):
            return _from_pandas(frame)
        if hasattr(frame, "__arrow_c_stream__"):
            return pa.table(frame)
        names = getattr(getattr(frame, "dtype", None), "names", None)
        if names and frame.ndim == 1:
            return pa.table([column(frame[name].tolist()) for name in names], names=list(names))
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise RelscaleError(f"a table that cannot be read ({first_line(error)}); give {ACCEPTED}") from error
    raise RelscaleError(f"a table is {ACCEPTED}, not {type(frame).__name__}")


def _from_pandas(frame: Any) -> pa.Table:
    levels = [name for name in frame.index.names if name is not None and name not in frame.columns]
    names = [*map(str, frame.columns), *map(str, levels)]
    series = [frame.iloc[:, i] for i in range(frame.shape[1])]
    series += [frame.index.get_level_values(level).to_series() for level in levels]
    return pa.table([_from_series(column) for column in series], names=names)


def _values(kind: pa.DataType) -> pa.DataType:
    """The type of an array's values; of a dictionary array, the type of the dictionary's values."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _from_series(series: Any) -> pa.Array:
    series = series.reset_index(drop=True)  # labels are not positions
    cells = [None if missing else cell for cell, missing in zip(series, series.isna(), strict=True)]
    if str(series.dtype) != "object":
        try:
            array = pa.array(series, from_pandas=True)
            if isinstance(_values(array.type), pa.BaseExtensionType):  # an interval or a period of time
                return pa.array([None if cell is None else str(cell) for cell in cells])
            return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
        except (pa.ArrowException, ValueError, TypeError):
            pass
    return column(cells)
