"""The content of a forest plot of a suite's Δβ: series, groups, rows and notes."""

from typing import NamedTuple

from relscale.figures.chart.numbers import estimate, known, number
from relscale.figures.data import FigureData, FittedParameter, Series, distinct
from relscale.figures.row_filter import SeriesFilter
from relscale.figures.select import interval, most_general, reason, series_present, series_rows
from relscale.figures.suite import Suite
from relscale.fitting.inference.method import BOOTSTRAPS, Method

POOLED = "partially pooled"


class Forest(NamedTuple):
    """A suite's row of panels: its series, its groups from top to bottom, and the rows to draw."""

    suite: Suite
    series: list[Series]
    groups: list[str]
    rows: list[FittedParameter]

    @property
    def has_several_intervals(self) -> bool:
        """Whether groups have several intervals, one above the other."""
        kinds = {estimand_words(row) for row in self.rows if known(row.value)}
        return not self.suite.is_crowded and len(kinds) > 1


def estimand_words(row: FittedParameter) -> str:
    """The estimand of an interval in words, or that the estimate is partially pooled."""
    return POOLED if row.method == Method.PARTIAL_POOLING else str(row.estimand)


def suite_forest(data: FigureData, suite: Suite) -> Forest:
    """The forest of a suite; many groups are in descending order of Δβ."""
    rows = data.law_rows(**suite.key, law="relative", parameter="delta_beta")
    pooled = most_general(data.pooled_rows(**suite.key, parameter="delta_beta"))
    fitted = {row.group for row in (*rows, *pooled) if known(row.value)}
    groups = [group for group in suite.labels if group in fitted]
    all_series = series_present(data, rows)
    if suite.is_crowded:
        rows = most_general(rows)
        value = {
            str(row.group): number(row.value) for row in series_rows(all_series[0], rows) if known(row.value)
        }
        groups.sort(key=lambda group: (group not in value, -value.get(group, 0.0)))
    return Forest(suite, all_series, groups, rows + pooled)


def missing_interval_notes(forest: Forest) -> list[str]:
    """Notes on estimates and intervals that are missing."""
    notes = []
    for series in forest.series:
        rows, label = series_rows(series, forest.rows), f"{series.label}, {forest.suite.title}"
        bounded = {row.group for row in rows if known(row.low, row.high)}
        for row in rows:
            if not known(row.value):
                notes.append(f"{label}, {forest.suite.labels.get(str(row.group), row.group)}: {reason(row)}.")
            elif row.group in bounded and not known(row.low, row.high):
                notes.append(f"{label}: no interval ({estimand_words(row)}): {reason(row)}.")
    return distinct(notes)


def method_notes(forest: Forest) -> list[str]:
    """Notes on the methods of intervals other than t intervals."""
    return [
        f"{forest.suite.title}: intervals by {words}."
        for method, words in distinct((row.method, interval(row)) for row in forest.rows if known(row.low))
        if method in (*BOOTSTRAPS, Method.PARTIAL_POOLING)
    ]


def pooled_notes(data: FigureData, suite: Suite) -> list[str]:
    """Notes on the mean and the standard deviation of pooled Δβ over groups."""
    notes = []
    for mean in data.pooled_rows(**suite.key, parameter="delta_beta_mean"):
        series: SeriesFilter = {"corpus": mean.corpus, "optimizer": mean.optimizer}
        estimand = mean.estimand
        rows = data.pooled_rows(**suite.key, **series, estimand=estimand, parameter="delta_beta_sd")
        sd = "".join(f", standard deviation over groups {_words(row)}" for row in rows)
        notes.append(f"{suite.title}, pooled ({mean.estimand}): mean Δβ {_words(mean)}{sd}.")
    return notes


def _words(row: FittedParameter) -> str:
    return estimate(number(row.value), row.low, row.high) if known(row.value) else reason(row)
