"""Tokens, parameters and loss at the minimum of each compute budget (the paper's Figure 2, middle)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.axes import COMPUTE
from relscale.figures.chart.numbers import known, number, power_of_ten
from relscale.figures.curves import Curve, curves_axis, draw_curves, interval_curves, strip_curves
from relscale.figures.data import FigureData, Series
from relscale.figures.law_lines import law_line
from relscale.figures.row_filter import LOSS
from relscale.figures.select import reason, series_present, series_rows
from relscale.fitting.curves.point_rows import FrontierRow, GapRow

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
    style = chart.styles([series.label for series in all_series], _baseline(data, all_series))
    drawn = [[_curve(data, series, points, quantity) for series in all_series] for quantity in QUANTITIES]
    x = curves_axis(drawn, panels.width, COMPUTE)
    for column, ((_, heading, exponent, title, law), curves) in enumerate(
        zip(QUANTITIES, drawn, strict=True)
    ):
        values = [value for curve in curves for value in curve.shown_values]
        panel = panels.panel(0, column)
        panel.axes(x, chart.log_axis(values, title) if law == "power" else chart.power_axis(values, title))
        draw_curves(panel, curves, style)
        fitted = [curve.line.words(exponent) if curve.line else "no fit" for curve in curves]
        panel.heading(
            heading, *(f"{curve.label}: {words}" for curve, words in zip(curves, fitted, strict=True))
        )
    panels.key([chart.Key(label, mark, group=label) for label, mark in style.items()])
    lines = [line for curves in drawn for _, line in interval_curves(curves)]
    marks = "Bars at the right" if any(map(strip_curves, drawn)) else "Band"
    panels.notes(
        *(
            f"{marks} and brackets: {level:.0%} interval of the fitted power law (runs vary)."
            for level in sorted({number(line.slope.level) for line in lines})
        ),
        *(
            f"{row.corpus}, {power_of_ten(number(row.budget))} FLOPs, excluded: {reason(row)}."
            for row in data.rows(FrontierRow, run=None)
            if row.status != "ok" and known(row.budget)
        ),
    )
    return panels.figure


def _curve(
    data: FigureData, series: Series, points: Sequence[FrontierRow], quantity: FrontierQuantity
) -> Curve:
    """A quantity of one series along its frontier."""
    rows = [row for row in series_rows(series, points) if known(quantity.value(row))]
    flops = [number(row.training_flops) for row in rows]
    line = law_line(data.law_rows(**series.key, **LOSS, law=quantity.law), flops)
    return Curve(series.label, series.label, flops, [number(quantity.value(row)) for row in rows], line)


def _baseline(data: FigureData, all_series: Sequence[Series]) -> str | None:
    """The only series with which others are compared, in black here as well; None without one."""
    compared = {row.baseline for row in data.rows(GapRow, contrast="corpus", **LOSS)}
    labels = [series.label for series in all_series if series.corpus in compared]
    return labels[0] if len(labels) == 1 else None
