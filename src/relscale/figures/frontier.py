"""Tokens, parameters and loss at the minimum of each compute budget (the paper's Figure 2, middle)."""

from collections.abc import Callable
from typing import NamedTuple

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import known, number, power_of_ten
from relscale.figures.curves import Curve, draw_curves
from relscale.figures.data import FigureData
from relscale.figures.law_lines import law_line
from relscale.figures.row_filter import LOSS
from relscale.figures.select import reason, series_present, series_rows
from relscale.fitting.curves.point_rows import FrontierRow

TITLE = "Compute-optimal frontier"


class FrontierQuantity(NamedTuple):
    """A quantity along the frontier, with the heading and axis title of its panel, and its law and exponent."""

    value: Callable[[FrontierRow], float | None]
    heading: str
    exponent: str
    title: str
    law: str


QUANTITIES = (
    FrontierQuantity(
        lambda row: row.tokens,
        "Tokens D ∝ F<sup>a</sup>",
        "a",
        "compute-optimal tokens",
        "compute_optimal_tokens",
    ),
    FrontierQuantity(
        lambda row: row.params,
        "Parameters N ∝ F<sup>b</sup>",
        "b",
        "compute-optimal parameters",
        "compute_optimal_params",
    ),
    FrontierQuantity(
        lambda row: row.loss, "Loss L ∝ F<sup>−β</sup>", "β", "validation loss (nats per token)", "power"
    ),
)


def draw(data: FigureData) -> go.Figure:
    """Draw one panel per quantity and one line per corpus."""
    points = [row for row in data.rows(FrontierRow, status="ok", run=None) if known(row.tokens, row.loss)]
    if not points:
        return chart.empty(
            TITLE, "No budget has a minimum of the validation loss inside the range of model sizes."
        )
    all_series = series_present(data, points)
    panels = chart.grid(TITLE, 1, len(QUANTITIES), width=290, height=290, gap_x=84, lines=len(all_series))
    style = chart.styles([series.label for series in all_series])
    x = chart.compute_axis([point.training_flops for point in points], panels.width)
    levels: set[float] = set()
    for column, (quantity, heading, exponent, title, law) in enumerate(QUANTITIES):
        curves = []
        for series in all_series:
            shown = [row for row in series_rows(series, points) if known(quantity(row))]
            flops = [number(row.training_flops) for row in shown]
            line = law_line(data.law_rows(**series.key, **LOSS, law=law), flops)
            curves.append(
                Curve(series.label, series.label, flops, [number(quantity(row)) for row in shown], line)
            )
            levels |= {number(line.slope.level)} if line and line.low else set()
        values = [value for curve in curves for value in curve.shown_values]
        panel = panels.panel(0, column)
        panel.axes(x, chart.log_axis(values, title) if law == "power" else chart.power_axis(values, title))
        draw_curves(panel, curves, style)
        fitted = [curve.line.words(exponent) if curve.line else "no fit" for curve in curves]
        panel.heading(
            heading, *(f"{curve.label}: {words}" for curve, words in zip(curves, fitted, strict=True))
        )
    panels.key([chart.Key(label, mark, group=label) for label, mark in style.items()])
    panels.notes(
        *(
            f"Band and brackets: {level:.0%} interval of the fitted power law (runs vary)."
            for level in levels
        ),
        *(
            f"{row.corpus}, {power_of_ten(number(row.budget))} FLOPs, excluded: {reason(row)}."
            for row in data.rows(FrontierRow, run=None)
            if row.status != "ok" and known(row.budget)
        ),
    )
    return panels.figure
