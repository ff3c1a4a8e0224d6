"""Rows that figures choose: those of a series, and of several statements about one number the widest."""

from collections.abc import Iterable, Sequence
from typing import Any

from relscale.figures.chart.numbers import known
from relscale.figures.data import FigureData, Row, Series, distinct
from relscale.measurements.metric import VALIDATION

LOSS = VALIDATION._asdict()  # picks the rows of the validation loss

# What an interval is about, in words; the widest statement first.
ABOUT = {
    "item population": "the population of items",
    "these items": "these items (runs vary)",
    "validation loss": "the validation loss (runs vary)",
}
ESTIMANDS = tuple(ABOUT)
MOST_REASONS, MOST_NOTES = 4, 6


def of(series: Series, rows: Iterable[Row]) -> list[Row]:
    """The rows of one series."""
    return [row for row in rows if (row.corpus, row.optimizer) == (series.corpus, series.optimizer)]


def series_in(data: FigureData, rows: Iterable[Row]) -> list[Series]:
    """The series that have any of the rows, in the order in which figures show them."""
    present = {(row.corpus, row.optimizer) for row in rows}
    return [series for series in data.series if (series.corpus, series.optimizer) in present]


def widest(rows: Iterable[Row]) -> list[Row]:
    """One row per series and group: that of the widest statement that has an interval, else of the widest one."""
    ranked = [row for row in rows if row.estimand in ESTIMANDS]
    ranked.sort(key=lambda row: (not known(row.low, row.high), ESTIMANDS.index(row.estimand)))
    chosen: dict[tuple[Any, ...], Row] = {}
    for row in ranked:
        chosen.setdefault((row.corpus, row.optimizer, row.group), row)
    return list(chosen.values())


def about_what(rows: Iterable[Row]) -> str:
    """What the intervals of rows are about, in words."""
    found = {row.estimand for row in rows}
    return " or ".join(words for estimand, words in ABOUT.items() if estimand in found)


def ends(rows: Iterable[Row], *, values: bool = True) -> list[float]:
    """The estimates and the known ends of their intervals, for an axis."""
    names = ("value", "low", "high") if values else ("low", "high")
    return [getattr(row, name) for row in rows for name in names if known(getattr(row, name))]


def levels(rows: Iterable[Row]) -> str:
    """The confidence levels of the intervals, ``95%``; empty where there is none."""
    found = {row.level for row in rows if known(row.level, row.low)}
    return "/".join(f"{level:.0%}" for level in sorted(found))


def reasons(rows: Iterable[Row], column: str, most: int = MOST_REASONS) -> list[tuple[Any, str]]:
    """What rows that cannot be used as they are have to say, each once, with the value in a column."""
    return distinct((row[column], row.reason) for row in rows if row.status != "ok")[:most]


def shortened(notes: Iterable[str], most: int = MOST_NOTES) -> list[str]:
    """Each note once; of many the first ones, and how many more there are."""
    every = distinct(notes)
    return every[:most] + ([f"And {len(every) - most} more such lines."] if len(every) > most else [])


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names of groups one after the other, or only how many they are."""
    return ", ".join(names) if len(names) <= most else f"{len(names)} groups"
