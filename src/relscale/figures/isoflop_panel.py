"""The panel of a corpus' IsoFLOP curves: runs, the parabola of each budget, and their minima."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from relscale.figures import chart
from relscale.figures.chart.axes import Axis
from relscale.figures.chart.numbers import known, number
from relscale.figures.data import MeasuredRun, Series, distinct
from relscale.figures.select import reason
from relscale.fitting.curves.point_rows import FrontierRow

POINTS = 33  # points of a parabola
MINIMUM = chart.Style(chart.INK, "circle-open-dot", size=15)
MOST_NAMED = 4  # excluded runs that a note names


def draw_isoflop(
    panel: chart.Panel,
    series: Series,
    runs: Sequence[MeasuredRun],
    points: Sequence[FrontierRow],
    style: Mapping[float, chart.Style],
    names: Mapping[float, str],
    x: Axis,
) -> list[str]:
    """Draw one panel, whose budgets have these styles and names; returns the notes on excluded runs."""
    valid = [run for run in runs if has_loss(run)]
    excluded = [run for run in runs if not has_loss(run)]
    optima = [point for point in points if point.status == "ok" and known(point.tokens, point.loss, point.c2)]
    y = chart.linear_axis(
        [*(run.value for run in valid), *(point.loss for point in optima)],
        "validation loss (nats per token)",
    )
    low, high = y["range"]
    if excluded:  # drawn in a row above all losses
        y["range"] = [low, high + 0.06 * (high - low)]
    panel.axes(x, y)
    panel.heading(series.label)
    if not valid:
        panel.message("no run has a finite validation loss")
    for point in points:
        at_budget = [run for run in valid if run.budget == point.budget]
        if at_budget:
            budget = number(point.budget)
            _draw_budget(panel, point, at_budget, style[budget], names[budget])
    panel.points(
        [point.tokens for point in optima],
        [point.loss for point in optima],
        MINIMUM,
        hover="minimum: %{x} tokens<br>%{y} nats per token",
    )
    if excluded:
        panel.points(
            [run.tokens for run in excluded],
            [high + 0.02 * (high - low)] * len(excluded),
            chart.EXCLUDED,
            details=[[run.run, run.status] for run in excluded],
            hover="%{customdata[0]}<br>%{customdata[1]}",
        )
    notes = [
        f"{series.label}, {names[number(point.budget)]} (thin curve): {reason(point)}."
        for point in points
        if point.status != "ok" and known(point.budget, point.c2)
    ]
    if excluded:
        named = ", ".join(f"{run.run} ({run.status})" for run in excluded[:MOST_NAMED])
        more = f" and {len(excluded) - MOST_NAMED} more" if len(excluded) > MOST_NAMED else ""
        notes.append(f"× {series.label}, excluded: {named}{more}.")
    return distinct(notes)


def has_loss(run: MeasuredRun) -> bool:
    """Whether a run has a validation loss for the frontier."""
    return known(run.value) and run.status == "ok"


def _draw_budget(
    panel: chart.Panel, point: FrontierRow, runs: Sequence[MeasuredRun], style: chart.Style, group: str
) -> None:
    """Draw the runs of a budget and their parabola, which is thin without a minimum.

    loss = c0 + c1·x + c2·x² with x = ln tokens − x_mean.
    """
    if known(point.c0, point.c1, point.c2, point.x_mean):
        c0, c1, c2, mean = map(number, (point.c0, point.c1, point.c2, point.x_mean))
        first, last = (math.log(pick(number(run.tokens) for run in runs)) for pick in (min, max))
        logs = [first + (last - first) * i / (POINTS - 1) for i in range(POINTS)]
        loss = [c0 + c1 * (x - mean) + c2 * (x - mean) ** 2 for x in logs]
        width = 2 if point.status == "ok" else 1
        panel.line([math.exp(x) for x in logs], loss, replace(style, width=width), group=group)
    panel.points(
        [run.tokens for run in runs],
        [run.value for run in runs],
        style,
        details=[[run.run, run.params, run.seed] for run in runs],
        hover="%{customdata[0]}<br>%{x:,} tokens, %{customdata[1]:,} parameters, seed %{customdata[2]}"
        "<br>%{y} nats per token",
        group=group,
    )
