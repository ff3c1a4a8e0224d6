"""Every suite's Δβ with its intervals, as a forest plot.

A row of panels is a suite, with a scale of its own; a column is a corpus. The symbol says whether the gap closes or
widens over the fitted range. That is not the sign of Δβ alone, so left and right do not say it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import estimate, known
from relscale.figures.curves import MOST_STYLED
from relscale.figures.data import FigureData, Row, Series, Suite, distinct
from relscale.figures.select import ends, levels, of, series_in, widest
from relscale.fitting.inference.method import BOOTSTRAPS, Method

TITLE = "How fast gaps move: Δβ"
GROUP = 36  # pixels for a group, its two intervals one above the other
CROWDED = 17  # for one of many groups, and its one interval
POOLED = "partially pooled"
# kind of interval: how far above the group's middle, as a share of its height, and its dash
KINDS = {"these items": (0.17, "solid"), "item population": (-0.17, "2px,2px"), POOLED: (0.0, "6px,2px")}
BEHIND = chart.Style(
    chart.PALE, width=7
)  # of many groups: the interval without pooling, under the pooled one
TICK = chart.Style(chart.FAINT, "line-ns", size=9)
MOST_NOTES = 6


class Forest(NamedTuple):
    """A suite's row of panels: its series, its groups from top to bottom, and the rows to draw."""

    suite: Suite
    series: list[Series]
    groups: list[str]
    rows: list[Row]

    @property
    def crowded(self) -> bool:
        """Whether groups are too many for two intervals each."""
        return len(self.groups) > MOST_STYLED


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw every suite for every corpus; ``suites`` (a list) chooses some."""
    suites = [data.suite(name, options) for name in options.get("suites") or data.suite_names()]
    forests = [forest for forest in (_forest(data, suite) for suite in suites) if forest.groups]
    if not forests:
        return chart.empty(TITLE, "No relative law could be fitted.")
    longest = max(
        chart.text_width(forest.suite.labels[group], chart.SIZE - 2 * forest.crowded)
        for forest in forests
        for group in forest.groups
    )
    panels = chart.grid(
        TITLE,
        len(forests),
        max(len(forest.series) for forest in forests),
        height=[(CROWDED if one.crowded else GROUP) * len(one.groups) + 10 for one in forests],
        gap_x=28,
        gap_y=2 * chart.HEADING + chart.LINE + 42,
        left=int(longest) + 34,
        top=chart.HEADING + chart.LINE,
    )
    notes = []
    for place, forest in enumerate(forests):
        x = chart.linear_axis(ends(forest.rows), "Δβ (difference of exponents)", most=6, zero=True)
        for column, series in enumerate(forest.series):
            names = [forest.suite.labels[group] for group in forest.groups]
            panel = panels.panel(place, column)
            panel.axes(
                x,
                chart.names_axis(names, size=chart.SIZE - (3 if forest.crowded else 1), lines=forest.crowded),
            )
            panel.heading(forest.suite.title, f"{series.label}; against {forest.suite.baseline_label}")
            notes += _draw_panel(panel, series, forest)
    panels.share_names()
    panels.key(_keys(forests))
    shown = distinct(notes)
    more = [f"And {len(shown) - MOST_NOTES} more such lines."] if len(shown) > MOST_NOTES else []
    panels.notes(
        "A gap closes where Δβ·ln G < 0, G the error relative to the baseline, and widens where it is positive. "
        "Symbols go by p-values adjusted over the suite's gaps (Benjamini–Hochberg); intervals are not adjusted.",
        *_methods(forests),
        *(note for forest in forests for note in _spread(data, forest.suite)),
        *shown[:MOST_NOTES],
        *more,
    )
    return panels.figure


def _forest(data: FigureData, suite: Suite) -> Forest:
    rows = data.law_rows(**suite.key, law="relative", parameter="delta_beta")
    pooled = widest(data.pooled_rows(**suite.key, parameter="delta_beta"))
    fitted = {row.group for row in (*rows, *pooled) if known(row.value)}
    groups = [group for group in suite.labels if group in fitted]
    every = series_in(data, rows)
    if len(groups) > MOST_STYLED:
        rows = widest(rows)
        value = {row.group: row.value for row in of(every[0], rows) if known(row.value)}
        groups.sort(key=lambda group: (group not in value, -value.get(group, 0.0)))
    return Forest(suite, every, groups, rows + [row | {"estimand": POOLED} for row in pooled])


def _draw_panel(panel: chart.Panel, series: Series, forest: Forest) -> list[str]:
    """The intervals of one series; returns notes on what could not be drawn."""
    rows, notes = of(series, forest.rows), []
    if not any(known(row.value) for row in rows):
        panel.message("no relative law could be fitted")
    bounded = {row.group for row in rows if known(row.low, row.high)}
    pooled = {row.group for row in rows if row.estimand == POOLED and known(row.value)}
    several = len({row.estimand for row in forest.rows if known(row.value)}) > 1
    for row in rows:
        label = forest.suite.labels.get(row.group, row.group)
        if not known(row.value):
            notes.append(f"{series.label}, {forest.suite.title}, {label}: {row.reason}.")
            continue
        if row.group in bounded and not known(row.low, row.high):
            about = f"no interval for the {row.estimand} ({row.reason})"
            notes.append(f"{series.label}, {forest.suite.title}: {about}.")
            continue
        offset, dash = KINDS[row.estimand]
        style = replace(chart.direction_style(row.direction), dash=dash, width=2.6)
        if forest.crowded:
            style = replace(style, dash="solid", size=8, width=1.8)
        y = forest.groups.index(row.group) - (offset if several and not forest.crowded else 0.0)
        hover = (
            f"{label}: Δβ = {estimate(row.value, row.low, row.high)}<br>{row.estimand}"
            f"<br>{chart.DIRECTIONS[row.direction or 'unclear'][1]}"
        )
        if forest.crowded and row.group in pooled and row.estimand != POOLED:
            if known(row.low, row.high):
                panel.line([row.low, row.high], [y, y], BEHIND)
            panel.points([row.value], [y], TICK, hover=hover)
        else:
            panel.forest_mark(y, row.value, row.low, row.high, style, hover)
    return notes


def _keys(forests: Sequence[Forest]) -> list[chart.Key]:
    level = levels(row for forest in forests for row in forest.rows) or "interval"
    shown = {row.estimand for forest in forests if not forest.crowded for row in forest.rows}
    keys = [chart.Key(words, style, "markers") for style, words in chart.DIRECTIONS.values()]
    keys += [
        chart.Key(f"{level}, {kind}", chart.Style(chart.INK, dash=dash, width=2.6), "lines")
        for kind, (_, dash) in KINDS.items()
        if kind in shown
    ]
    if any(forest.crowded and row.estimand == POOLED for forest in forests for row in forest.rows):
        keys.append(chart.Key(f"{level}, {POOLED}", chart.Style(chart.INK, width=1.8), "lines"))
        keys.append(chart.Key(f"{level}, each group by itself", BEHIND, "lines"))
    return keys


def _methods(forests: Sequence[Forest]) -> list[str]:
    """How intervals were made that are no t intervals of the last stage."""
    return [
        f"{forest.suite.title}: intervals by {interval}."
        for forest in forests
        for method, interval in distinct((row.method, row.interval) for row in forest.rows if known(row.low))
        if method in (*BOOTSTRAPS, Method.PARTIAL_POOLING)
    ]


def _spread(data: FigureData, suite: Suite) -> list[str]:
    """The mean of the groups' Δβ and their spread around it, where they are pooled."""
    notes = []
    for mean in data.pooled_rows(**suite.key, parameter="delta_beta_mean"):
        same = {name: getattr(mean, name) for name in ("corpus", "optimizer", "estimand")}
        spread = data.pooled_rows(**suite.key, **same, parameter="delta_beta_sd")
        told = "".join(f", spread (standard deviation) {_words(row)}" for row in spread)
        notes.append(f"{suite.title}, pooled ({mean.estimand}): mean Δβ {_words(mean)}{told}.")
    return notes


def _words(row: Row) -> str:
    return estimate(row.value, row.low, row.high) if known(row.value) else str(row.reason)
