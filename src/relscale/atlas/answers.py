"""The known numbers of the atlas: the rows of ``reference/published_answers.csv`` whose table is ``atlas``."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from relscale.errors import RelscaleError
from relscale.fitting.report.reproduction import ATLAS
from relscale.fitting.report.reproduction_row import AnswerRow, conditions
from relscale.package_files import REFERENCE
from relscale.storage.rows import names_of, rows_of
from relscale.storage.tables import read_table

FILE = REFERENCE / "published_answers.csv"


class Origin(StrEnum):
    """The origin of a known number."""

    PAPER = "paper"  # stated in the paper, or in the files that it released
    TABLE = "table"  # computed from the same table by a program that shares no code with relscale
    THEORY = "theory"  # exact


@dataclass(frozen=True)
class Answer:
    """A known number.

    Attributes
    ----------
    quantity, unit
        Description and unit.
    value
        The number.
    tolerance
        Maximum difference from the reproduced number, in the same unit.
    origin
        Its origin.
    """

    quantity: str
    value: float
    tolerance: float
    unit: str
    origin: Origin


def answers(entry: str) -> tuple[Answer, ...]:
    """The known numbers of the entry of that name, in the order of the file."""
    return _by_entry().get(entry, ())


def known(entry: str) -> dict[str, float]:
    """The known numbers of the entry of that name, by quantity."""
    return {answer.quantity: answer.value for answer in answers(entry)}


def entries_with_answers() -> tuple[str, ...]:
    """The names of the entries with known numbers."""
    return tuple(_by_entry())


@cache
def _by_entry() -> Mapping[str, tuple[Answer, ...]]:
    answers_by_entry: dict[str, list[Answer]] = {}
    for row in rows_of(AnswerRow, read_table(FILE, names_of(AnswerRow))):
        if row.table == ATLAS:
            answers_by_entry.setdefault(conditions(row.where)["entry"], []).append(_answer(row))
    return {name: tuple(rows) for name, rows in answers_by_entry.items()}


def _answer(row: AnswerRow) -> Answer:
    if row.published is None or row.tolerance is None or row.source not in tuple(Origin):
        raise RelscaleError(
            f"{FILE}: {row.quantity!r} of {row.where} needs a published number, a tolerance, and a source, one of "
            f"{', '.join(Origin)}"
        )
    return Answer(row.quantity, row.published, row.tolerance, row.unit or "", Origin(row.source))
