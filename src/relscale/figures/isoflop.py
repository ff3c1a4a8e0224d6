"""Validation loss against training tokens at each compute budget, and the minima (the paper's Figure 2, left).

A column is a corpus.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.axes import Axis
from relscale.figures.chart.numbers import known, power_of_ten
from relscale.figures.data import FigureData, Row, Series, distinct
from relscale.figures.select import LOSS, of, series_in

TITLE = "IsoFLOP curves"
POINTS = 33  # of a parabola
MINIMUM = chart.Style(chart.INK, "circle-open-dot", size=15)
MOST_NAMED = 4  # runs that a note names before it only counts


def draw(data: FigureData) -> go.Figure:
    """Draw every run of every budget, with the parabola through those that count."""
    runs = [run for run in data.rows("measurements", **LOSS) if known(run.budget)]
    budgets = sorted({run.budget for run in runs})
    if not budgets:
        return chart.empty(TITLE, "No run has a compute budget and a validation loss.")
    every = series_in(data, runs)
    panels = chart.grid(TITLE, 1, len(every), width=370, height=350, gap_x=84)
    style = chart.ordered_styles(budgets)
    x = chart.power_axis([run.tokens for run in runs], "training tokens", panels.width)
    notes = []
    for column, series in enumerate(every):
        points = of(series, data.rows("frontier", run=None))
        notes += _draw_corpus(panels.panel(0, column), series, of(series, runs), points, style, x)
    keys = [chart.Key(_words(budget), style[budget], group=_words(budget)) for budget in reversed(budgets)]
    keys.append(chart.Key("minimum: compute-optimal", MINIMUM, "markers"))
    lost = any(not known(run.value) or run.status != "ok" for run in runs)
    panels.key(
        [*keys, *[chart.Key("left out: no finite loss", chart.LEFT_OUT, "markers")] * lost], "compute budget"
    )
    panels.notes(*notes)
    return panels.figure


def _draw_corpus(
    panel: chart.Panel,
    series: Series,
    runs: Sequence[Row],
    points: Sequence[Row],
    style: dict[float, chart.Style],
    x: Axis,
) -> list[str]:
    """Draw one panel; returns the notes on what it leaves out."""
    counted = [run for run in runs if known(run.value) and run.status == "ok"]
    lost = [run for run in runs if run not in counted]
    optima = [row for row in points if row.status == "ok" and known(row.tokens, row.loss, row.c2)]
    y = chart.linear_axis(
        [*(r.value for r in counted), *(r.loss for r in optima)], "validation loss (nats per token)"
    )
    low, high = y["range"]
    if lost:  # a row of their own above all losses
        y["range"] = [low, high + 0.06 * (high - low)]
    panel.axes(x, y)
    panel.heading(series.label)
    if not counted:
        panel.message("no run has a finite validation loss")
    for point in points:
        at_budget = [run for run in counted if run.budget == point.budget]
        if at_budget:
            _draw_budget(panel, point, at_budget, style[point.budget])
    panel.points(
        [point.tokens for point in optima],
        [point.loss for point in optima],
        MINIMUM,
        hover="minimum: %{x} tokens<br>%{y} nats per token",
    )
    if lost:
        panel.points(
            [run.tokens for run in lost],
            [high + 0.02 * (high - low)] * len(lost),
            chart.LEFT_OUT,
            about=[[run.run, run.reason] for run in lost],
            hover="%{customdata[0]}<br>%{customdata[1]}",
        )
    notes = [
        f"{series.label}, {_words(point.budget)} (thin curve): {point.reason}."
        for point in points
        if point.status != "ok" and known(point.budget, point.c2)
    ]
    if lost:
        named = ", ".join(f"{run.run} ({run.reason})" for run in lost[:MOST_NAMED])
        more = f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
        notes.append(f"× {series.label}, left out: {named}{more}.")
    return distinct(notes)


def _draw_budget(panel: chart.Panel, point: Row, runs: Sequence[Row], style: chart.Style) -> None:
    """The runs of a budget, and ``c0 + c1·x + c2·x²`` with ``x = ln tokens − x_mean``; thin without a minimum."""
    group = _words(point.budget)
    if known(point.c0, point.c1, point.c2, point.x_mean):
        first, last = (math.log(pick(run.tokens for run in runs)) for pick in (min, max))
        logs = [first + (last - first) * i / (POINTS - 1) for i in range(POINTS)]
        loss = [point.c0 + point.c1 * (x - point.x_mean) + point.c2 * (x - point.x_mean) ** 2 for x in logs]
        width = 2 if point.status == "ok" else 1
        panel.line([math.exp(x) for x in logs], loss, replace(style, width=width), group=group)
    panel.points(
        [run.tokens for run in runs],
        [run.value for run in runs],
        style,
        about=[[run.run, run.params, run.seed] for run in runs],
        hover="%{customdata[0]}<br>%{x:,} tokens, %{customdata[1]:,} parameters, seed %{customdata[2]}"
        "<br>%{y} nats per token",
        group=group,
    )


def _words(budget: float) -> str:
    return f"{power_of_ten(budget)} FLOPs"
