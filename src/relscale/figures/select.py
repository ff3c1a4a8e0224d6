"""Selection of rows for figures: by series, and the widest of several intervals."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from relscale.figures.chart.numbers import known
from relscale.figures.data import FigureData, Series, distinct
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import Method, described

# What an interval is about, in words; the widest statement first.
ABOUT: dict[str | None, str] = {
    Estimand.ITEM_POPULATION: "the item population",
    Estimand.THESE_ITEMS: "these items (runs vary)",
    Estimand.VALIDATION_LOSS: "the validation loss (runs vary)",
}
ESTIMANDS = tuple(ABOUT)
MOST_REASONS, MOST_NOTES = 4, 6


class OfSeries(Protocol):
    """A row of one corpus and optimizer."""

    @property
    def corpus(self) -> str | None:
        """The training corpus."""

    @property
    def optimizer(self) -> str | None:
        """The optimizer."""


class WithStatus(Protocol):
    """A row with a status."""

    @property
    def status(self) -> str:
        """ok, or why the row cannot be used."""

    @property
    def note(self) -> str | None:
        """Explanation of the status."""


class WithInterval(Protocol):
    """A row with an interval."""

    @property
    def low(self) -> float | None:
        """Its lower limit."""

    @property
    def high(self) -> float | None:
        """Upper limit."""

    @property
    def level(self) -> float | None:
        """Its confidence level."""


class WithEstimand(Protocol):
    """A row with the estimand of its interval."""

    @property
    def estimand(self) -> str | None:
        """The estimand of its interval."""


class WithMethod(Protocol):
    """A row whose interval has a method."""

    @property
    def method(self) -> Method | None:
        """Method of the interval."""

    @property
    def method_note(self) -> str | None:
        """Details of the method."""


class Estimated(OfSeries, WithInterval, WithEstimand, Protocol):
    """A group's estimate with its interval."""

    @property
    def group(self) -> str | None:
        """The group."""

    @property
    def value(self) -> float | None:
        """The estimate."""


S = TypeVar("S", bound=OfSeries)
E = TypeVar("E", bound=Estimated)
J = TypeVar("J", bound=WithStatus)
T = TypeVar("T")


def of(series: Series, rows: Iterable[S]) -> list[S]:
    """The rows of one series."""
    return [row for row in rows if (row.corpus, row.optimizer) == (series.corpus, series.optimizer)]


def series_in(data: FigureData, rows: Iterable[OfSeries]) -> list[Series]:
    """The series that have any of the rows, in the order in which figures show them."""
    present = {(row.corpus, row.optimizer) for row in rows}
    return [series for series in data.series if (series.corpus, series.optimizer) in present]


def widest(rows: Iterable[E]) -> list[E]:
    """One row per series and group: that of the widest statement that has an interval, else of the widest one."""
    ranked = [row for row in rows if row.estimand in ESTIMANDS]
    ranked.sort(key=lambda row: (not known(row.low, row.high), ESTIMANDS.index(row.estimand)))
    first: dict[tuple[Any, ...], E] = {}
    for row in ranked:
        first.setdefault((row.corpus, row.optimizer, row.group), row)
    return list(first.values())


def estimands_in_words(rows: Iterable[WithEstimand]) -> str:
    """The estimands of the intervals of rows, in words."""
    estimands = {row.estimand for row in rows}
    return " or ".join(words for estimand, words in ABOUT.items() if estimand in estimands)


def ends(rows: Iterable[Estimated]) -> list[float]:
    """The estimates and the known ends of their intervals, for an axis."""
    numbers = ((row.value, row.low, row.high) for row in rows)
    return [end for row in numbers for end in row if end is not None and known(end)]


def levels(rows: Iterable[WithInterval]) -> str:
    """The confidence levels of the intervals, ``95%``; empty where there is none."""
    present = {row.level for row in rows if row.level is not None and known(row.low)}
    return "/".join(f"{level:.0%}" for level in sorted(present))


def reason(row: WithStatus) -> str:
    """The status of a row in words."""
    return str(row.note or row.status)


def interval(row: WithMethod) -> str:
    """Method of a row's interval, in words."""
    return described(row.method, row.method_note)


def reasons(rows: Iterable[J], name: Callable[[J], T], most: int = MOST_REASONS) -> list[tuple[T, str]]:
    """The reasons why rows cannot be used as they are, each once, with a name of the row."""
    return distinct((name(row), reason(row)) for row in rows if row.status != "ok")[:most]


def shortened(notes: Iterable[str], most: int = MOST_NOTES) -> list[str]:
    """Distinct notes; if there are many, the first ones and the number of the others."""
    distinct_notes = distinct(notes)
    return distinct_notes[:most] + (
        [f"And {len(distinct_notes) - most} more such lines."] if len(distinct_notes) > most else []
    )


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names of groups one after the other, or only how many they are."""
    return ", ".join(names) if len(names) <= most else f"{len(names)} groups"
