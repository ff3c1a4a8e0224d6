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
    """Whose number an answer is."""

    PAPER = "paper"  # stated in the paper, or in the files that it released
    TABLE = "table"  # computed from the same table by a program that shares no code with relscale
    THEORY = "theory"  # exact


@dataclass(frozen=True)
class Answer:
    """A known number.

    Attributes
    ----------
    quantity, unit
        What it is.
    value
        The number.
    tolerance
        How far off the reproduced number may be, in the same unit.
    origin
        Whose number it is.
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
    """The names that the file has known numbers for."""
    return tuple(_by_entry())


@cache
def _by_entry() -> Mapping[str, tuple[Answer, ...]]:
    found: dict[str, list[Answer]] = {}
    for row in rows_of(AnswerRow, read_table(FILE, names_of(AnswerRow))):
        if row.table == ATLAS:
            found.setdefault(conditions(row.where)["entry"], []).append(_answer(row))
    return {name: tuple(rows) for name, rows in found.items()}


def _answer(row: AnswerRow) -> Answer:
    if row.published is None or row.tolerance is None or row.source not in tuple(Origin):
        raise RelscaleError(
            f"{FILE}: {row.quantity!r} of {row.where} has no published number, no tolerance, or a source that is "
            f"none of {', '.join(Origin)}; fill in what is missing"
        )
    return Answer(row.quantity, row.published, row.tolerance, row.unit or "", Origin(row.source))
