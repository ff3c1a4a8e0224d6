"""Conversion of columns: values of any kind to Arrow, and Arrow of any type to numbers or words.

Numbers may be integers of any size, decimals, categories, or text. In text, a comma is read only if it is unambiguous:

=================== ==========================================================
cells               numbers
=================== ==========================================================
``1e21``            as in Python
``6,000,000,000``   thousands, in a cell with two commas or a point after one
``3,25``            a decimal comma, in a column where some comma cannot separate thousands
``3,250``           ambiguous: an error
=================== ==========================================================
"""

import numbers as kinds
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.lookalikes import check_lookalikes
from relscale.storage import arrow_compute as pc

NOTHING = frozenset(["", "-", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "none", "null"])
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?([eE][+-]?\d+)?")
_DECIMAL = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_NAMES = {
    "temporal": "dates or times",
    "boolean": "truth values",
    "nested": "lists or structures",
    "binary": "bytes, or values of several kinds",
}


def column(cells: Sequence[Any]) -> pa.Array:
    """Python values as a column: integers beyond 64 bits as float64, numbers among text as text.

    Values without a common Arrow type become bytes, which are neither numbers nor words.
    """
    cells = [None if isinstance(cell, float) and cell != cell else cell for cell in cells]
    known = [cell for cell in cells if cell is not None]
    try:
        if (
            known
            and all(isinstance(cell, str | kinds.Real | Decimal) for cell in known)
            and not any(isinstance(cell, bool | np.bool_) for cell in known)
        ):
            if any(isinstance(cell, str) for cell in known):
                return pa.array([cell if cell is None else str(cell) for cell in cells], pa.string())
            if not all(isinstance(cell, float | kinds.Integral) for cell in known) or any(
                isinstance(cell, kinds.Integral) and abs(int(cell)) >= 2**63 for cell in known
            ):
                return pa.array([_float(cell) for cell in cells], pa.float64())
        return pa.array(cells, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return pa.array([None if cell is None else b"" for cell in cells], pa.binary())


def numbers(values: pa.ChunkedArray, place: str) -> pa.ChunkedArray:
    """A column as float64; an integer beyond 2⁵³ becomes the nearest float, and text for a missing value null.

    Parameters
    ----------
    place
        The column, for a message: ``table.csv: column 'loss'``.

    Raises
    ------
    RelscaleError
        A value is not a number; the message names the row, from 1.
    """
    values = plain(values)
    kind = values.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return pc.cast(values, pa.float64(), safe=False)
    if pa.types.is_null(kind):
        return pc.cast(values, pa.float64())
    if pa.types.is_decimal(kind):
        return pa.chunked_array([pa.array(map(_float, values.to_pylist()), pa.float64())])
    if pa.types.is_string(kind):
        return pa.chunked_array([_parsed(values.to_pylist(), place)])
    raise RelscaleError(f"{place} has {_name(kind)}, not numbers; name another column, or convert it")


def words(values: pa.ChunkedArray, place: str, may_miss: bool = False) -> list[str]:
    """A column of names as text; missing names are an error, or replaced by row numbers if allowed.

    Raises
    ------
    RelscaleError
        A cell is empty, two names look alike or are one number, or the column has lists, structures or bytes.
    """
    values = plain(values)
    if pa.types.is_nested(values.type) or pa.types.is_binary(values.type):
        raise RelscaleError(f"{place} has {_name(values.type)}, not names; name another column")
    cells = values.to_pylist()
    empty_names = {name for name in set(cells) if is_empty(name)}  # each name once: most are repeated
    empty = [row for row, cell in enumerate(cells, start=1) if cell in empty_names] if empty_names else []
    if may_miss:
        for row in empty:
            cells[row - 1] = f"row {row}"
    elif empty:
        raise RelscaleError(
            f"{place} is empty in {len(empty)} row{'s' * (len(empty) > 1)}; fill or remove them "
            f"(row {empty[0]} is the first)"
        )
    elif pa.types.is_string(values.type):
        check_lookalikes(cells, place)
        _check_equal_numbers(cells, place)
    return [str(cell) for cell in cells]


def _check_equal_numbers(names: Iterable[str], place: str) -> None:
    """Refuse two names that are one number, such as 3.1 and 3.10, if all names are numbers."""
    known: dict[float, str] = {}
    try:
        for name in dict.fromkeys(names):
            other = known.setdefault(float(name), name)
            if other != name:
                raise RelscaleError(
                    f"{place}: {other!r} and {name!r} are the same number; write one name in one way, or add "
                    "letters to the names"
                )
    except ValueError:
        return


def is_empty(cell: object) -> bool:
    """Whether a cell is missing, not a number, or blank.

    Examples
    --------
    >>> [is_empty(cell) for cell in (None, float("nan"), " ", "None", 0)]
    [True, True, True, False, False]
    """
    return cell is None or cell != cell or (isinstance(cell, str) and not cell.strip())


def plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column in plain encoding: without categories, run lengths, extension types and views."""
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(pa.chunked_array([chunk.storage for chunk in values.chunks], kind.storage_type))
    if pa.types.is_dictionary(kind):
        # decoded here, because Arrow cannot decode a dictionary of views, which polars writes
        entries = [plain(pa.chunked_array([chunk.dictionary])).combine_chunks() for chunk in values.chunks]
        cells = [of.take(chunk.indices) for of, chunk in zip(entries, values.chunks, strict=True)]
        return pa.chunked_array(cells, plain(pa.chunked_array([], kind.value_type)).type)
    if pa.types.is_run_end_encoded(kind):
        return plain(pa.chunked_array([pc.run_end_decode(chunk) for chunk in values.chunks], kind.value_type))
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pc.cast(values, pa.string())
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        return pc.cast(values, pa.binary())
    return values


def _parsed(cells: Sequence[str | None], place: str) -> pa.Array:
    known = {cell: cell.strip() for cell in cells if cell is not None and cell.strip().lower() not in NOTHING}
    with_comma = [text for text in known.values() if "," in text]
    if with_comma:
        point = _point(list(known.values()), with_comma, place)
        known = {cell: text.replace(",", point) for cell, text in known.items()}
    parsed: dict[str, float] = {}
    for cell, text in known.items():
        try:
            parsed[cell] = float(text)
        except ValueError:
            row = 1 + next(i for i, other in enumerate(cells) if other == cell)
            shown = cell if len(cell) <= 40 else f"{cell[:40]}…"
            raise RelscaleError(
                f"{place} is not numeric: row {row} is {shown!r}; correct it, or leave the cell empty"
            ) from None
    return pa.array([None if cell is None else parsed.get(cell) for cell in cells], pa.float64())


def _point(texts: list[str], with_comma: list[str], place: str) -> str:
    """The replacement of commas: empty for thousands separators, a point for decimal commas."""
    thousands = all(_THOUSANDS.fullmatch(text) for text in with_comma)
    decimal = all(_DECIMAL.fullmatch(text) for text in with_comma) and not any("." in text for text in texts)
    if thousands and decimal:
        raise RelscaleError(
            f"{place}: {with_comma[0]!r} may have a decimal comma or one between thousands; write it without commas"
        )
    return "" if thousands else "." if decimal else ","


def _float(cell: Any) -> float | None:
    if cell is None:
        return None
    try:
        return float(cell)
    except OverflowError:
        return float(np.inf) if cell > 0 else -float(np.inf)


def _name(kind: pa.DataType) -> str:
    return next(
        (description for name, description in _NAMES.items() if getattr(pa.types, f"is_{name}")(kind)),
        f"values of type {kind}",
    )
