"""Selection of a table's rows by conditions on columns: ``model=7B``, ``step>=1000``, ``seed!=3``."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.storage.columns import numbers, words
from relscale.suggestions import suggestion

CONDITION = re.compile(r"(.+?)\s*(!=|>=|<=|=|>|<)\s*(.*)", re.DOTALL)
ORDERED = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}


def filter_rows(table: pa.Table, conditions: Sequence[str], name: str) -> pa.Table:
    """The rows that meet every condition.

    Parameters
    ----------
    conditions
        ``COLUMN=VALUE`` or ``COLUMN=VALUE,VALUE,…``, of which one must match; ``COLUMN!=VALUE,…``, of which none may
        match; or ``COLUMN>NUMBER`` with ``>``, ``>=``, ``<`` or ``<=``.
    name
        Name of the table, for messages.

    Raises
    ------
    RelscaleError
        A condition cannot be parsed, its column is missing, or no row is left.
    """
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
    return table


def selection(conditions: Sequence[str], selected: pa.Table, whole: pa.Table) -> str:
    """What conditions left of a table, for its results and errors; empty without conditions.

    Examples
    --------
    >>> whole = pa.table({"seed": [0, 0, 1]})
    >>> selection(["seed=0"], filter_rows(whole, ["seed=0"], "runs"), whole)
    '2 of 3 rows meet seed=0'
    """
    return (
        f"{selected.num_rows} of {whole.num_rows} rows meet {' and '.join(conditions)}" if conditions else ""
    )


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
