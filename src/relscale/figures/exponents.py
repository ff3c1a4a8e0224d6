"""Δβ of every gap with its intervals: the exponent of the ratio to the baseline in compute.

One row of panels per suite, with its own scale, and one column per corpus. Symbols show the verdict on the gap over the
fitted range: closes, widens, crosses 1, flat or not resolved. The verdict does not follow from the sign of Δβ alone.
"""

from collections.abc import Sequence
from dataclasses import replace

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import estimate, known, number
from relscale.figures.data import FigureData, Series
from relscale.figures.forest import (
    POOLED,
    Forest,
    estimand_words,
    method_notes,
    missing_interval_notes,
    pooled_notes,
    suite_forest,
)
from relscale.figures.options import SeveralSuites
from relscale.figures.select import estimates_and_limits, levels, series_rows, shortened

TITLE = "Rate of change of gaps: Δβ"
GROUP_HEIGHT, CROWDED_HEIGHT = (
    36,
    17,
)  # pixels of a group with two intervals, and of one of many groups with one
# For each kind of interval, its offset above the group's centre as a share of the group's height, and its dash.
KINDS = {"these items": (0.17, "solid"), "item population": (-0.17, "2px,2px"), POOLED: (0.0, "6px,2px")}
# Of many groups, the interval without pooling, drawn below the pooled one.
UNPOOLED = chart.Style(chart.PALE, width=7)
TICK = chart.Style(chart.FAINT, "line-ns", size=9)


def draw(data: FigureData, options: SeveralSuites) -> go.Figure:
    """Draw every suite for every corpus."""
    all_forests = (suite_forest(data, suite) for suite in data.shown_suites(options))
    forests = [forest for forest in all_forests if forest.groups]
    if not forests:
        return chart.empty(TITLE, "No relative law could be fitted.")
    panels = chart.grid(
        TITLE,
        len(forests),
        max(len(forest.series) for forest in forests),
        height=[
            (CROWDED_HEIGHT if forest.suite.is_crowded else GROUP_HEIGHT) * len(forest.groups) + 10
            for forest in forests
        ],
        gap_x=28,
        lines=1,
        names=[forest.suite.labels[group] for forest in forests for group in forest.groups],
    )
    for row, forest in enumerate(forests):
        crowded = forest.suite.is_crowded
        x = chart.linear_axis(
            estimates_and_limits(forest.rows), "Δβ (difference of exponents)", most=6, zero=True
        )
        labels = [forest.suite.labels[group] for group in forest.groups]
        y = chart.names_axis(labels, size=chart.SIZE - (3 if crowded else 1), lines=crowded)
        for column, series in enumerate(forest.series):
            panel = panels.panel(row, column)
            panel.axes(x, y)
            panel.heading(forest.suite.title, f"{series.label}; against {forest.suite.baseline_label}")
            _draw_panel(panel, series, forest)
    panels.share_names()
    panels.key(_keys(forests))
    panels.notes(
        "A gap closes if the error relative to the baseline, G, approaches 1, and widens if it departs from "
        "1. Verdicts use p-values adjusted over the suite's gaps (Benjamini–Hochberg); intervals are not "
        "adjusted.",
        *(note for forest in forests for note in method_notes(forest)),
        *(note for forest in forests for note in pooled_notes(data, forest.suite)),
        *shortened(note for forest in forests for note in missing_interval_notes(forest)),
    )
    return panels.figure


def _draw_panel(panel: chart.Panel, series: Series, forest: Forest) -> None:
    """Draw the intervals of one series."""
    rows = [row for row in series_rows(series, forest.rows) if known(row.value)]
    panel.message("no relative law could be fitted" if not rows else "")
    bounded = {row.group for row in rows if known(row.low, row.high)}
    pooled = {row.group for row in rows if estimand_words(row) == POOLED}
    for row in rows:
        if row.group in bounded and not known(row.low, row.high):
            continue
        offset, dash = KINDS[estimand_words(row)]
        style = replace(chart.verdict_style(row.verdict), dash=dash, width=2.6)
        y = forest.groups.index(str(row.group)) - offset * forest.has_several_intervals
        label = forest.suite.labels.get(str(row.group), row.group)
        value = number(row.value)
        words = f"Δβ = {estimate(value, row.low, row.high)}<br>{estimand_words(row)}"
        hover = f"{label}: {words}<br>{chart.verdict_words(row.verdict)}"
        if not forest.suite.is_crowded:
            panel.forest_mark(y, value, row.low, row.high, style, hover)
        elif row.group in pooled and estimand_words(row) != POOLED:
            panel.forest_mark(y, value, row.low, row.high, UNPOOLED, mark=TICK, hover=hover)
        else:
            style = replace(style, dash="solid", size=8, width=1.8)
            panel.forest_mark(y, value, row.low, row.high, style, hover)


def _keys(forests: Sequence[Forest]) -> list[chart.Key]:
    level = levels(row for forest in forests for row in forest.rows) or "interval"
    shown = {estimand_words(row) for forest in forests if not forest.suite.is_crowded for row in forest.rows}
    lines = {kind: chart.Style(chart.INK, dash=KINDS[kind][1], width=2.6) for kind in KINDS if kind in shown}
    crowded = [forest for forest in forests if forest.suite.is_crowded]
    if any(estimand_words(row) == POOLED for forest in crowded for row in forest.rows):
        lines |= {POOLED: chart.Style(chart.INK, width=1.8), "groups fitted separately": UNPOOLED}
    return [
        *chart.verdict_keys(),
        *(chart.Key(f"{level}, {kind}", style, "lines") for kind, style in lines.items()),
    ]
