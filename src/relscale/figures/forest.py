"""The content of a forest plot of a suite's Δβ: series, groups, rows and notes."""

from typing import NamedTuple

from relscale.figures.chart.numbers import estimate, known, number
from relscale.figures.data import FigureData, FittedParameter, Series, Suite, distinct
from relscale.figures.row_filter import OfSeries
from relscale.figures.select import interval, of, reason, series_in, widest
from relscale.fitting.inference.method import BOOTSTRAPS, Method

POOLED = "partially pooled"


class Forest(NamedTuple):
    """A suite's row of panels: its series, its groups from top to bottom, and the rows to draw."""

    suite: Suite
    series: list[Series]
    groups: list[str]
    rows: list[FittedParameter]

    @property
    def several(self) -> bool:
        """Whether a group has several intervals one above the other."""
        return (
            not self.suite.is_crowded and len({statement(row) for row in self.rows if known(row.value)}) > 1
        )


def statement(row: FittedParameter) -> str:
    """The estimand of an interval in words, or that the estimate is partially pooled."""
    return POOLED if row.method == Method.PARTIAL_POOLING else str(row.estimand)


def forest_of(data: FigureData, suite: Suite) -> Forest:
    """The forest of a suite; of many groups those of largest Δβ come first."""
    rows = data.law_rows(**suite.key, law="relative", parameter="delta_beta")
    pooled = widest(data.pooled_rows(**suite.key, parameter="delta_beta"))
    fitted = {row.group for row in (*rows, *pooled) if known(row.value)}
    groups = [group for group in suite.labels if group in fitted]
    all_series = series_in(data, rows)
    if suite.is_crowded:
        rows = widest(rows)
        value = {str(row.group): number(row.value) for row in of(all_series[0], rows) if known(row.value)}
        groups.sort(key=lambda group: (group not in value, -value.get(group, 0.0)))
    return Forest(suite, all_series, groups, rows + pooled)


def lost_intervals(forest: Forest) -> list[str]:
    """Notes on rows that could not be drawn."""
    notes = []
    for series in forest.series:
        rows, label = of(series, forest.rows), f"{series.label}, {forest.suite.title}"
        bounded = {row.group for row in rows if known(row.low, row.high)}
        for row in rows:
            if not known(row.value):
                notes.append(f"{label}, {forest.suite.labels.get(str(row.group), row.group)}: {reason(row)}.")
            elif row.group in bounded and not known(row.low, row.high):
                notes.append(f"{label}: no interval for the {statement(row)} ({reason(row)}).")
    return distinct(notes)


def methods(forest: Forest) -> list[str]:
    """Notes on intervals other than t intervals of the last stage."""
    return [
        f"{forest.suite.title}: intervals by {words}."
        for method, words in distinct((row.method, interval(row)) for row in forest.rows if known(row.low))
        if method in (*BOOTSTRAPS, Method.PARTIAL_POOLING)
    ]


def pooled_spread(data: FigureData, suite: Suite) -> list[str]:
    """The mean of the groups' Δβ and their spread around it, where they are pooled."""
    notes = []
    for mean in data.pooled_rows(**suite.key, parameter="delta_beta_mean"):
        series: OfSeries = {"corpus": mean.corpus, "optimizer": mean.optimizer}
        estimand = mean.estimand
        spread = data.pooled_rows(**suite.key, **series, estimand=estimand, parameter="delta_beta_sd")
        sd = "".join(f", spread (standard deviation) {_words(row)}" for row in spread)
        notes.append(f"{suite.title}, pooled ({mean.estimand}): mean Δβ {_words(mean)}{sd}.")
    return notes


def _words(row: FittedParameter) -> str:
    return estimate(number(row.value), row.low, row.high) if known(row.value) else reason(row)
