"""Rows of tables as types: a table is declared once, as a frozen dataclass beside the code that writes it.

The Arrow schema, the columns that readers may ask for, and the reference page of the documentation follow from it.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa

CHANGES_NO_NUMBER = "converts rows to tables; the declarations of rows are digested where they are used"

R = TypeVar("R")

_COLUMNS: "dict[type, tuple[Column, ...]]" = {}  # cache of the columns of each row type
_ARROW = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}


class Column(NamedTuple):
    """One column of a table.

    Attributes
    ----------
    name, description
        Name and description.
    unit
        Unit, such as "FLOPs" or "nats per token"; empty for dimensionless numbers and text.
    type
        Its type in Arrow.
    values
        Allowed values, if they are a closed set.
    optional
        Whether a cell may be null.
    """

    name: str
    description: str
    unit: str
    type: pa.DataType
    values: tuple[str, ...] = ()
    optional: bool = False


def column(
    description: str, unit: str = "", default: Any = dataclasses.MISSING, type: pa.DataType | None = None
) -> Any:
    """A field of a row type, with description and unit.

    Parameters
    ----------
    description, unit, default
        Description, unit and default value.
    type
        Arrow type, if the one implied by the type hint is too large for a table of millions of rows.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, slots=True, kw_only=True)
    ... class Point:
    ...     '''One row per budget.'''
    ...     budget: float = column("Compute of the runs.", "FLOPs")
    ...     loss: float | None = column("Smallest validation loss.", "nats per token", default=None)
    >>> schema_of(Point)
    budget: double
    loss: double
    >>> table_of(Point, [Point(budget=1e12)]).to_pylist()
    [{'budget': 1000000000000.0, 'loss': None}]
    """
    metadata = {"description": description, "unit": unit, "type": type}
    return dataclasses.field(default=default, metadata=metadata)


def same_column(row: type, name: str) -> Any:
    """A field with the description, unit and default of another row type's field."""
    (field,) = [field for field in dataclasses.fields(row) if field.name == name]
    return dataclasses.field(default=field.default, metadata=field.metadata)


def columns_of(row: type) -> tuple[Column, ...]:
    """The columns of a row type, in order."""
    if row not in _COLUMNS:
        hints = get_type_hints(row)
        _COLUMNS[row] = tuple(_column(field, hints[field.name]) for field in dataclasses.fields(row))
    return _COLUMNS[row]


def schema_of(row: type) -> pa.Schema:
    """The Arrow schema of a row type; every column may be null."""
    return pa.schema([(column.name, column.type) for column in columns_of(row)])


def strict_schema_of(row: type) -> pa.Schema:
    """The Arrow schema of a row type; only columns of optional type may be null."""
    return pa.schema([pa.field(column.name, column.type, column.optional) for column in columns_of(row)])


def names_of(row: type) -> tuple[str, ...]:
    """The names of a row type's columns, in order."""
    return tuple(column.name for column in columns_of(row))


def table_of(row: type[R], rows: Sequence[R]) -> pa.Table:
    """Rows as a table; a number that is not finite is null."""
    return pa.table(
        [_array(list(map(attrgetter(column.name), rows)), column.type) for column in columns_of(row)],
        schema=schema_of(row),
    )


def strict_table_of(row: type[R], rows: Sequence[R]) -> pa.Table:
    """Rows as a table of `strict_schema_of`; numbers that are not finite are kept."""
    schema = strict_schema_of(row)
    return pa.table([_cells(rows, field) for field in schema], schema=schema)


def rows_of(row: type[R], table: pa.Table) -> list[R]:
    """The rows of a table written by `table_of`; further columns are ignored.

    Raises
    ------
    KeyError
        A column is missing.
    """
    return [row(**cells) for cells in table.select(list(names_of(row))).to_pylist()]


def fields_of(row: Any) -> Mapping[str, Any]:
    """The fields of a row, or of a key or remark that rows extend, by name: ``Row(**fields_of(key), value=1.0)``.

    Like ``dataclasses.asdict`` for flat rows, without its copies, and without a list of fields per row.
    """
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def _column(field: "dataclasses.Field[Any]", hint: Any) -> Column:
    kind, values = _kind(hint)
    metadata = field.metadata
    kind = metadata.get("type") or kind
    return Column(
        field.name,
        metadata.get("description", ""),
        metadata.get("unit", ""),
        kind,
        values,
        type(None) in get_args(hint),
    )


def _kind(hint: Any) -> tuple[pa.DataType, tuple[str, ...]]:
    """The Arrow type of a type hint, and its allowed values if they are a closed set."""
    if get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = [option for option in get_args(hint) if option is not type(None)]
    if get_origin(hint) is Literal:
        return pa.string(), tuple(map(str, get_args(hint)))
    if get_origin(hint) in (list, tuple):
        return pa.list_(_kind(get_args(hint)[0])[0]), ()
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return pa.string(), tuple(hint)
    return _ARROW[hint], ()


def _cells(rows: Sequence[Any], field: pa.Field) -> pa.Array:
    cells = list(map(attrgetter(field.name), rows))
    if pa.types.is_dictionary(field.type):  # Arrow cannot build dictionary arrays from a list
        return pa.array(cells, field.type.value_type).dictionary_encode().cast(field.type)
    return pa.array(cells, field.type)


def _array(cells: list[Any], kind: pa.DataType) -> pa.Array:
    if kind != pa.float64():
        return pa.array(cells, kind)
    numbers = np.array(cells, dtype=float)  # None is nan
    return pa.array(numbers, kind, mask=~np.isfinite(numbers))
