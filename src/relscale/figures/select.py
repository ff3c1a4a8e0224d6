"""Selection of rows for figures, and words for their estimands, methods and reasons."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar, Unpack

from relscale.figures.chart.numbers import known
from relscale.figures.data import GROUP, FigureData, Series, distinct, series_key
from relscale.figures.row_filter import RowFilter
from relscale.fitting.analyses.influence import InfluenceRow
from relscale.fitting.analyses.prompt_forms import PromptFormRow
from relscale.fitting.analyses.specification import SpecificationRow
from relscale.fitting.forecasts.forecast import ForecastRow
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import described
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.keys import CurveKey, FamilyKey
from relscale.fitting.report.reproduction_row import ReproductionRow

# Estimands of intervals in words, the most general first.
ESTIMAND_WORDS: dict[str | None, str] = {
    Estimand.ITEM_POPULATION: "the item population",
    Estimand.THESE_ITEMS: "these items (runs vary)",
    Estimand.VALIDATION_LOSS: "the validation loss (runs vary)",
}
ESTIMANDS = tuple(ESTIMAND_WORDS)
MOST_REASONS, MOST_NOTES = 4, 6


class WithStatus(Protocol):
    """A row with a status."""

    @property
    def status(self) -> str:
        """ok, or the reason to exclude the row."""

    @property
    def note(self) -> str | None:
        """Explanation of the status."""


Estimated: TypeAlias = ParameterRow | PromptFormRow | InfluenceRow | SpecificationRow
S = TypeVar("S", bound=FamilyKey)
C = TypeVar("C", bound=CurveKey)
E = TypeVar("E", bound=Estimated)
J = TypeVar("J", bound=WithStatus)
T = TypeVar("T")


def series_rows(series: Series, rows: Iterable[S]) -> list[S]:
    """The rows of one series."""
    return [row for row in rows if (row.corpus, row.optimizer) == (series.corpus, series.optimizer)]


def series_present(data: FigureData, rows: Iterable[FamilyKey]) -> list[Series]:
    """The series of these rows, in the order of figures."""
    present = {(row.corpus, row.optimizer) for row in rows}
    return [series for series in data.series if (series.corpus, series.optimizer) in present]


def between_groups(rows: Iterable[C]) -> list[C]:
    """The rows of errors and of contrasts between groups."""
    return [row for row in rows if row.contrast in (None, GROUP)]


def named_fits(
    data: FigureData, names: Sequence[str], **equal: Unpack[RowFilter]
) -> list[list[ParameterRow]]:
    """The rows of each fit and series with one of these names; those of all named fits if no names are given."""
    fits: dict[tuple[str | None, ...], list[ParameterRow]] = {}
    for row in data.rows(ParameterRow, **equal):
        if row.fit and row.fit in (names or [row.fit]):
            fits.setdefault((row.fit, *series_key(row)), []).append(row)
    return list(fits.values())


def most_general(rows: Iterable[E]) -> list[E]:
    """One row per series and group: of the most general estimand with an interval, else of the most general one."""
    ranked = [row for row in rows if row.estimand in ESTIMANDS]
    ranked.sort(key=lambda row: (not known(row.low, row.high), ESTIMANDS.index(row.estimand)))
    first: dict[tuple[Any, ...], E] = {}
    for row in ranked:
        first.setdefault((row.corpus, row.optimizer, row.group), row)
    return list(first.values())


def estimands_in_words(rows: Iterable[Estimated]) -> str:
    """The estimands of the intervals of rows, in words."""
    estimands = {row.estimand for row in rows}
    return " or ".join(words for estimand, words in ESTIMAND_WORDS.items() if estimand in estimands)


def estimates_and_limits(rows: Iterable[Estimated]) -> list[float]:
    """The estimates and the known limits of their intervals, for the range of an axis."""
    numbers = ((row.value, row.low, row.high) for row in rows)
    return [value for row in numbers for value in row if value is not None and known(value)]


def levels(rows: Iterable[Estimated | ForecastRow | ReproductionRow]) -> str:
    """The confidence levels of the intervals, such as ``95%``; empty without intervals."""
    present = {row.level for row in rows if row.level is not None and known(row.low)}
    return "/".join(f"{level:.0%}" for level in sorted(present))


def reason(row: WithStatus) -> str:
    """The status of a row in words."""
    return str(row.note or row.status)


def fit_reason(rows: Iterable[WithStatus]) -> str:
    """The statuses of a fit's parameters other than ok, in words; those on the whole fit are in every row."""
    found = distinct(reason(row) for row in rows if row.status != "ok")
    return "; ".join(one for one in found if not any(one != other and one in other for other in found))


def interval(row: ParameterRow | PromptFormRow) -> str:
    """Method of a row's interval, in words."""
    return described(row.method, row.method_note)


def reasons(rows: Iterable[J], name: Callable[[J], T]) -> list[tuple[T, str]]:
    """The distinct reasons for a status other than ok, each with the name of its row."""
    return distinct((name(row), reason(row)) for row in rows if row.status != "ok")[:MOST_REASONS]


def shortened(notes: Iterable[str]) -> list[str]:
    """The first ``MOST_NOTES`` distinct notes, and the number of further ones."""
    distinct_notes = distinct(notes)
    more = len(distinct_notes) - MOST_NOTES
    return distinct_notes[:MOST_NOTES] + [f"And {more} more such notes."] * (more > 0)


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names of groups separated by commas, or only their number if there are more than ``most``."""
    return ", ".join(names) if len(names) <= most else f"{len(names)} groups"
