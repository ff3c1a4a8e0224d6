"""Selection of a table's rows by conditions on columns: ``model=7B``, ``step>=1000``, ``seed!=3``."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.storage.columns import numbers, words
from relscale.suggestions import suggestion

CONDITION = re.compile(r"(.+?)\s*(!=|>=|<=|=|>|<)\s*(.*)", re.DOTALL)
ORDERED = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}


class FilteredRows(NamedTuple):
    """The rows of a table that meet conditions.

    Attributes
    ----------
    remark
        How many of the table's rows they are; empty without conditions.
    place
        The name of the table with the remark, for errors that concern these rows.
    """

    rows: pa.Table
    remark: str
    place: str


def filter_rows(table: pa.Table, conditions: Sequence[str], name: str) -> FilteredRows:
    """The rows that meet every condition, and how many they are.

    Parameters
    ----------
    conditions
        ``COLUMN=VALUE`` or ``COLUMN=VALUE,VALUE,…``, of which one must match; ``COLUMN!=VALUE,…``, of which none may
        match; or ``COLUMN>NUMBER`` with ``>``, ``>=``, ``<`` or ``<=``.

    Raises
    ------
    RelscaleError
        A condition cannot be parsed, its column is missing, or no row is left.

    Examples
    --------
    >>> filtered = filter_rows(pa.table({"seed": [0, 0, 1]}), ["seed=0"], "runs")
    >>> filtered.remark, filtered.place
    ('2 of 3 rows meet seed=0', 'runs (2 of 3 rows meet seed=0)')
    """
    if not conditions:
        return FilteredRows(table, "", name)
    total = table.num_rows
    for condition in conditions:
        match = CONDITION.fullmatch(condition.strip())
        if match is None:
            raise RelscaleError(
                f"where: {condition!r} is not a condition; write COLUMN=VALUE, COLUMN!=VALUE or COLUMN>NUMBER"
            )
        column, sign, value = match.groups()
        if column not in table.column_names:
            hint = suggestion(column, table.column_names, "it has")
            raise RelscaleError(f"{name}: where: no column {column!r}; {hint}")
        table = table.filter(pa.array(_matches(table, column, sign, value, name)))
        if table.num_rows == 0:
            raise RelscaleError(
                f"{name}: no row meets {condition!r}; look at the values of column {column!r}"
            )
    remark = f"{table.num_rows} of {total} rows meet {' and '.join(conditions)}"
    return FilteredRows(table, remark, f"{name} ({remark})")


def _matches(table: pa.Table, column: str, sign: str, value: str, name: str) -> list[bool]:
    subject = f"{name}: column {column!r}"
    if sign in ORDERED:
        try:
            limit = float(value)
        except ValueError:
            raise RelscaleError(
                f"where: {value!r} is not a number; write one, such as {column}{sign}3"
            ) from None
        mask: list[bool] = ORDERED[sign](
            numbers(table[column], subject).to_numpy(zero_copy_only=False), limit
        ).tolist()
        return mask
    values = {_normalized(text) for text in value.split(",")}
    cells = [_normalized(word) for word in words(table[column], subject, True)]
    return [(cell in values) == (sign == "=") for cell in cells]


def _normalized(word: str) -> str:
    """A word, or a number in one notation: 1e3 is 1000. Digits after a zero are a name: 007 is not 7."""
    word = word.strip()
    if re.fullmatch(r"0\d+", word):
        return word
    try:
        return f"{float(word):.17g}"
    except ValueError:
        return word
