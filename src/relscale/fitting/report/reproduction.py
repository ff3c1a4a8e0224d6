"""Published numbers compared with those fitted here: published, reproduced, difference.

A table of answers has one row per number:

``quantity, unit``
    What it is, in words; a number in ``%`` is 100 times that of the tables.
``published, published_stderr``
    The number and its standard error; left out where none was published, and then ours stands alone.
``tolerance``
    How far off still rounds to the same digits, half a unit of the last one published.
``table, where, column``
    Which number of ours it is: a table of ``relscale.fitting.fits``, equalities on its columns (``fit=a; parameter=b``)
    and the column that holds it, ``|column|`` for its magnitude. Without a published number it may be many rows.
``data, source``
    Whose numbers they are, a column's name in braces standing for its value (``{corpus}``), and where it was published.
"""

from typing import Any

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.fitting.fits import ROWS, Fits
from relscale.fitting.report.reproduction_row import NEEDED, ReproductionRow
from relscale.fitting.status import OK, Remark, Status
from relscale.rows import cells_of, table_of

Row = dict[str, Any]

NONE_PUBLISHED = Remark(Status.NONE_PUBLISHED)
LIMITS = {"value": ("low", "high"), "predicted": ("low", "high"), "ratio": ("low", "high")}


def reproduction(answers: pa.Table, fits: Fits) -> pa.Table:
    """A row for each published number, and for each of ours that an answer without one points to.

    Parameters
    ----------
    answers
        As above.
    fits
        What to hold them against.

    Returns
    -------
    pa.Table
        Rows of ``ReproductionRow``. ``within``: the published number is inside our interval;
        ``agrees``: the difference is inside the tolerance. An answer that nothing here corresponds to keeps its row,
        with a status that says so.

    Raises
    ------
    RelscaleError
        A column of the answers is missing, or names a table or column that there is not.
    """
    missing = [name for name in NEEDED if name not in answers.column_names]
    if missing:
        raise RelscaleError(f"answers: no column {missing[0]!r}; they have {', '.join(answers.column_names)}")
    tables: dict[str, list[Row]] = {}
    rows: list[ReproductionRow] = []
    for answer in answers.to_pylist():
        if answer["table"] not in tables:
            tables[answer["table"]] = _table(fits, answer["table"]).to_pylist()
        rows += _rows(answer, tables[answer["table"]], _table(fits, answer["table"]).column_names)
    return table_of(ReproductionRow, rows)


def _rows(answer: Row, table: list[Row], names: list[str]) -> list[ReproductionRow]:
    where = _where(answer["where"])
    column = answer["column"].strip("|")
    unknown = next((name for name in (*where, column) if name not in names), None)
    if unknown:
        raise RelscaleError(f"answers: {answer['quantity']}: {answer['table']} has no column {unknown!r}")
    matches = [row for row in table if all(_equal(row[name], value) for name, value in where.items())]
    if answer["published"] is None:
        return [_row(answer, row, column) for row in matches] or [_without(answer, _nothing(answer))]
    if len(matches) == 1:
        return [_row(answer, matches[0], column)]
    many = Remark(Status.SEVERAL_ROWS, f"{len(matches)} rows of {answer['table']} have {answer['where']}")
    return [_without(answer, many if matches else _nothing(answer))]


def _nothing(answer: Row) -> Remark:
    return Remark(Status.NO_ROW, f"no row of {answer['table']} has {answer['where']}")


def _without(answer: Row, remark: Remark) -> ReproductionRow:
    """The row of an answer that no number of ours corresponds to."""
    return ReproductionRow(**_cells(answer), **cells_of(remark))


def _cells(answer: Row) -> Row:
    cells = {name: answer[name] for name in ("quantity", "data", "published", "published_stderr", "source")}
    return cells | {"unit": answer["unit"] or ""}


def _row(answer: Row, row: Row, column: str) -> ReproductionRow:
    scale = 100.0 if answer["unit"] == "%" else 1.0
    value = _scaled(row[column], scale)
    low, high = (_scaled(row.get(name), scale) for name in _limits(column, row))
    if answer["column"].startswith("|") and value is not None and value < 0:
        value, low, high = (None if number is None else -number for number in (value, high, low))
    remark = Remark(Status(row.get("status") or Status.OK), row.get("note"))
    published = answer["published"]
    cells = _cells(answer) | {
        "data": _data(answer, row),
        "reproduced": value,
        "low": low,
        "high": high,
        **{name: row.get(name) for name in ("level", "method", "method_note")},
    }
    if published is None:
        return ReproductionRow(**cells, **cells_of(NONE_PUBLISHED if remark == OK else remark))
    if value is not None:
        difference, tolerance = value - published, answer["tolerance"]
        cells["difference"] = difference
        cells["agrees"] = None if tolerance is None else abs(difference) <= tolerance
        cells["within"] = None if low is None or high is None else low <= published <= high
    return ReproductionRow(**cells, **cells_of(remark))


def _data(answer: Row, row: Row) -> str:
    try:
        return str(answer["data"].format(**{name: _word(cell) for name, cell in row.items()}))
    except (KeyError, ValueError) as error:
        raise RelscaleError(
            f"answers: {answer['data']!r}: {answer['table']} has no column {error}"
        ) from error


def _limits(column: str, row: Row) -> tuple[str, str]:
    """The columns of the interval of another: ``tokens_low`` and ``tokens_high``, or just ``low`` and ``high``."""
    limits = (f"{column}_low", f"{column}_high")
    return limits if limits[0] in row else LIMITS.get(column, ("", ""))


def _table(fits: Fits, name: str) -> pa.Table:
    if name not in ROWS:
        raise RelscaleError(f"answers: no table {name!r}; there are {', '.join(ROWS)}")
    return fits.tables[name]


def _where(text: str) -> dict[str, str]:
    """``a=b; c=d`` as a mapping."""
    pairs = [part.partition("=") for part in text.split(";") if part.strip()]
    if not all(sign and name.strip() for name, sign, _ in pairs):
        raise RelscaleError(f"answers: {text!r} is not of the form 'column=value; column=value'")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _equal(cell: Any, value: str) -> bool:
    return ("" if cell is None else str(cell)) == value


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _word(cell: Any) -> str:
    return f"{cell:g}" if isinstance(cell, float) else "" if cell is None else str(cell)
