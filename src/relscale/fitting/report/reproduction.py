"""Comparison with published numbers: published, reproduced, difference.

A table of answers has one row per number (``AnswerRow``). It identifies the corresponding number of the fit: a table of
``relscale.fitting.fits``, conditions on its columns, and the column of the number. Without a published number, the
fitted ones are listed alone, possibly in many rows. Answers of the table ``atlas`` are left to ``relscale atlas``.
"""

from dataclasses import replace
from typing import Any

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.fitting.fits import ROWS, Fits
from relscale.fitting.report.reproduction_row import AnswerRow, ReproductionRow, conditions
from relscale.fitting.status import OK, Remark, Status
from relscale.fitting.verdicts.words import flops
from relscale.storage.rows import fields_of, names_of, rows_of, table_of

FitRow = Any  # one of the types ``ROWS``; its columns are named by the answers at run time

NONE_PUBLISHED = Remark(Status.NONE_PUBLISHED)
ATLAS = "atlas"
LARGE, DIGITS = 1e6, 5  # numbers from which on data are named by powers of ten, and their digits
LIMITED = ("value", "predicted", "ratio")  # columns whose limits are named low and high


def reproduction(answers: pa.Table, fits: Fits) -> pa.Table:
    """One row per published number, and per number of the fit that an answer without one selects.

    Returns
    -------
    pa.Table
        Rows of ``ReproductionRow``. ``within``: the published number is inside our interval; ``agrees``: the difference
        is inside the tolerance. An answer without a corresponding number keeps its row, with a status that states it.

    Raises
    ------
    RelscaleError
        A column of the answers is missing, or names an unknown table or column.
    """
    missing = [name for name in names_of(AnswerRow) if name not in answers.column_names]
    if missing:
        raise RelscaleError(f"answers: no column {missing[0]!r}; they have {', '.join(answers.column_names)}")
    tables: dict[str, list[FitRow]] = {}
    rows: list[ReproductionRow] = []
    for answer in rows_of(AnswerRow, answers):
        if answer.table == ATLAS:
            continue
        if answer.table not in tables:
            tables[answer.table] = _table(fits, answer.table)
        rows += _rows(answer, tables[answer.table])
    return table_of(ReproductionRow, rows)


def _table(fits: Fits, name: str) -> list[FitRow]:
    if name not in ROWS:
        raise RelscaleError(f"answers: no table {name!r}; there are {', '.join(ROWS)}")
    return rows_of(ROWS[name], fits[name])


def _rows(answer: AnswerRow, table: list[FitRow]) -> list[ReproductionRow]:
    required, names = conditions(answer.where), names_of(ROWS[answer.table])
    column = answer.column.strip("|")
    unknown = next((name for name in (*required, column) if name not in names), None)
    if unknown:
        raise RelscaleError(f"answers: {answer.quantity}: {answer.table} has no column {unknown!r}")
    matches = [row for row in table if all(_equal(getattr(row, name), required[name]) for name in required)]
    if answer.published is None and matches:
        return [_compared(answer, row, column) for row in matches]
    if len(matches) == 1:
        return [_compared(answer, matches[0], column)]
    remark = Remark(Status.NO_ROW, f"no row of {answer.table} has {answer.where}")
    if matches:
        remark = Remark(Status.SEVERAL_ROWS, f"{len(matches)} rows of {answer.table} have {answer.where}")
    return [replace(_published(answer), **fields_of(remark))]


def _published(answer: AnswerRow) -> ReproductionRow:
    """The published number alone."""
    return ReproductionRow(
        quantity=answer.quantity,
        data=answer.data,
        unit=answer.unit or "",
        published=answer.published,
        published_stderr=answer.published_stderr,
        source=answer.source,
        status=Status.OK,
        note=None,
    )


def _compared(answer: AnswerRow, row: FitRow, column: str) -> ReproductionRow:
    """The published number beside that of a row."""
    scale = 100.0 if answer.unit == "%" else 1.0
    value = _scaled(getattr(row, column), scale)
    low, high = (_scaled(limit, scale) for limit in _limits(row, column))
    if answer.column.startswith("|") and value is not None and value < 0:
        value, low, high = (None if number is None else -number for number in (value, high, low))
    remark = Remark(Status(row.status), getattr(row, "note", None))
    result = replace(
        _published(answer),
        data=_data(answer, row),
        reproduced=value,
        low=low,
        high=high,
        level=getattr(row, "level", None),
        method=getattr(row, "method", None),
        method_note=getattr(row, "method_note", None),
        **fields_of(remark),
    )
    published = answer.published
    if published is None:
        return replace(result, **fields_of(NONE_PUBLISHED)) if remark == OK else result
    if value is None:
        return result
    difference, tolerance = value - published, answer.tolerance
    return replace(
        result,
        difference=difference,
        agrees=None if tolerance is None else abs(difference) <= tolerance,
        within=None if low is None or high is None else low <= published <= high,
    )


def _limits(row: FitRow, column: str) -> tuple[float | None, float | None]:
    """The interval of a column: ``tokens_low`` and ``tokens_high``, or ``low`` and ``high``."""
    prefix = "" if column in LIMITED and not hasattr(row, f"{column}_low") else f"{column}_"
    return getattr(row, f"{prefix}low", None), getattr(row, f"{prefix}high", None)


def _data(answer: AnswerRow, row: FitRow) -> str:
    try:
        return answer.data.format(**{name: _word(cell) for name, cell in fields_of(row).items()})
    except (KeyError, ValueError) as error:
        raise RelscaleError(f"answers: {answer.data!r}: {answer.table} has no column {error}") from error


def _equal(cell: Any, value: str) -> bool:
    return ("" if cell is None else str(cell)) == value


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _word(cell: Any) -> str:
    if isinstance(cell, float):
        return flops(cell, DIGITS) if cell >= LARGE else f"{cell:g}"
    return "" if cell is None else str(cell)
