"""All entries of the atlas, and the comparison of reproduced with known numbers."""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from relscale import atlas
from relscale.atlas.answers import Origin, answers
from relscale.atlas.entry import Entry, Number, Tables
from relscale.errors import RelscaleError
from relscale.storage.rows import column
from relscale.suggestions import suggestion


class Agreement(StrEnum):
    """Whether a known number is reproduced."""

    AGREES = "agrees"  # within the tolerance
    DIFFERS = "differs"  # beyond it, for a reason that the entry states
    FAILS = "fails"  # beyond it without a stated reason, or within it despite one


@dataclass(frozen=True, slots=True, kw_only=True)
class AtlasRow:
    """One row per known number of an entry of the atlas."""

    entry: str = column("Name of the entry.")
    paper: str = column("The paper.")
    quantity: str = column("Description of the number.")
    unit: str = column("Its unit.")
    origin: Origin = column("Origin of the known number: the paper, other code on the same table, or theory.")
    published: float = column("The known number.")
    tolerance: float = column("Tolerance of the reproduced number.")
    reproduced: float = column("The number that relscale computes.")
    low: float | None = column("Lower limit of its 95% interval.", default=None)
    high: float | None = column("Upper limit of its 95% interval.", default=None)
    difference: float = column("Reproduced minus known.")
    status: Agreement = column("Whether the number is reproduced.")
    note: str | None = column("Known reason for a difference.", default=None)


def entry_names() -> tuple[str, ...]:
    """The names of all entries, sorted: every module of this package that defines ``ENTRY``."""
    names = sorted(module.name for module in pkgutil.iter_modules(atlas.__path__))
    return tuple(
        name for name in names if hasattr(importlib.import_module(f"{atlas.__name__}.{name}"), "ENTRY")
    )


def entry(name: str) -> Entry:
    """The entry of that name.

    Raises
    ------
    RelscaleError
        There is no such entry.
    """
    name = name.replace("-", "_")
    if name not in entry_names():
        raise RelscaleError(f"no entry {name!r} in the atlas; {suggestion(name, entry_names())}")
    loaded: Entry = importlib.import_module(f"{atlas.__name__}.{name}").ENTRY
    return loaded


def reproduced(name: str, tables: Tables) -> Iterator[AtlasRow]:
    """Reproduce an entry: one row per known number.

    Raises
    ------
    RelscaleError
        There is no such entry, one of its tables is missing, or it does not compute a known number.
    """
    record = entry(name)
    numbers = record.reproduce(tables)
    missing = [answer.quantity for answer in answers(name) if answer.quantity not in numbers]
    if missing:
        raise RelscaleError(
            f"published_answers.csv: the entry {name} does not compute {missing[0]!r}; "
            f"{suggestion(missing[0], tuple(numbers))}"
        )
    for answer in answers(name):
        number: Number = numbers[answer.quantity]
        reason = record.differs.get(answer.quantity)
        difference = number.value - answer.value
        agrees = abs(difference) <= answer.tolerance
        yield AtlasRow(
            entry=name,
            paper=record.paper,
            quantity=answer.quantity,
            unit=answer.unit,
            origin=answer.origin,
            published=answer.value,
            tolerance=answer.tolerance,
            reproduced=number.value,
            low=number.low,
            high=number.high,
            difference=difference,
            status=_agreement(agrees, reason is not None),
            note=reason,
        )


def _agreement(agrees: bool, known_to_differ: bool) -> Agreement:
    if agrees == known_to_differ:
        return Agreement.FAILS
    return Agreement.AGREES if agrees else Agreement.DIFFERS


def failures(rows: Sequence[AtlasRow]) -> list[AtlasRow]:
    """The rows whose status is "fails"."""
    return [row for row in rows if row.status is Agreement.FAILS]
