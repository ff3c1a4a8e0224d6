"""IsoFLOP curves: validation loss against training tokens at each budget, and their minima (Figure 2, left).

A column is a corpus.
"""

import math
from collections.abc import Sequence
from itertools import compress
from typing import Any

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.data import FigureData, Row, Series, distinct
from relscale.figures.law_lines import known
from relscale.figures.panels import (
    Panels,
    empty,
    footnotes,
    heading,
    legend_right,
    note_in_panel,
    panels,
    set_axes,
)
from relscale.measurements.metric import VALIDATION

TITLE = "IsoFLOP curves"
POINTS = 33
LOSS = VALIDATION._asdict()
MINIMUM = "minimum: compute-optimal"
LEFT_OUT = "left out: no finite loss"
MOST_NAMED = 4  # runs that a note names before it only counts


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw every run of every budget, with the parabola through those that count. It has no options."""
    runs = [run for run in data.rows("measurements", **LOSS) if known(run["budget"])]
    budgets = sorted({run["budget"] for run in runs})
    if not budgets:
        return empty(TITLE, "No run has a compute budget and a validation loss.")
    measured = {(run["corpus"], run["optimizer"]) for run in runs}
    every = [series for series in data.series if (series.corpus, series.optimizer) in measured]
    grid = panels(TITLE, 1, len(every), width=370, height=350, gap_x=84)
    styles = theme.ordered_styles(budgets)
    x = theme.power_axis([run["tokens"] for run in runs], "training tokens (number)", grid.width)
    notes = []
    for column, series in enumerate(every):
        notes += _draw_corpus(grid, column, data, series, styles, x)
    keys = [(f"{theme.power_of_ten(budget)} FLOPs", styles[budget]) for budget in reversed(budgets)]
    for name, style in keys:
        grid.figure.add_trace(theme.legend_key(name, style, legendgroup=name, **grid.axes(0, 0)))
    for name, marker in ((MINIMUM, _minimum_marker()), (LEFT_OUT, _left_out_marker())):
        grid.figure.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=name, **grid.axes(0, 0))
        )
    legend_right(grid, [*(name for name, _ in keys), MINIMUM, LEFT_OUT], "compute budget")
    footnotes(grid, notes)
    return grid.figure


def _draw_corpus(
    grid: Panels,
    column: int,
    data: FigureData,
    series: Series,
    styles: dict[float, theme.Style],
    x: dict[str, Any],
) -> list[str]:
    """Draw one panel; returns the notes on what it leaves out."""
    axes = grid.axes(0, column)
    runs = [run for run in data.rows("measurements", **series.key, **LOSS) if known(run["budget"])]
    trusted = [known(run["value"]) and run["status"] == "ok" for run in runs]
    counted = list(compress(runs, trusted))
    lost = [run for run, good in zip(runs, trusted, strict=True) if not good]
    points = data.rows("frontier", **series.key, run=None)
    heading(grid, 0, column, series.label)
    if not counted:
        note_in_panel(grid, 0, column, "no run has a finite validation loss")
    seen = [run["value"] for run in counted]
    for point in points:
        budget = point["budget"]
        at_budget = [run for run in counted if run["budget"] == budget]
        if not at_budget or budget not in styles:
            continue
        shared = {**axes, "legendgroup": f"{theme.power_of_ten(budget)} FLOPs", "showlegend": False}
        grid.figure.add_trace(_curve(point, at_budget, styles[budget], shared))
        grid.figure.add_trace(_runs(at_budget, styles[budget], shared))
    optima = [point for point in points if point["status"] == "ok" and known(point["tokens"], point["loss"])]
    optima = [point for point in optima if known(point["c2"])]
    grid.figure.add_trace(
        go.Scatter(
            x=[point["tokens"] for point in optima],
            y=[point["loss"] for point in optima],
            mode="markers",
            marker=_minimum_marker(),
            hovertemplate="minimum: %{x:.3g} tokens<br>%{y:.4f} nats a token<extra></extra>",
            showlegend=False,
            **axes,
        )
    )
    y = theme.linear_axis([*seen, *(point["loss"] for point in optima)], "validation loss (nats a token)")
    low, high = y["range"]
    if lost:  # a row of their own above all losses
        y["range"] = [low, high + 0.06 * (high - low)]
        grid.figure.add_trace(_left_out(lost, high + 0.02 * (high - low), axes))
    set_axes(grid, 0, column, x, y)
    return _notes(series, points, lost)


def _curve(point: Row, runs: Sequence[Row], style: theme.Style, shared: dict[str, Any]) -> go.Scatter:
    """``c0 + c1·x + c2·x²`` with ``x = ln tokens − x_mean``, over the runs' tokens; thin where it has no minimum."""
    if not known(point["c0"], point["c1"], point["c2"], point["x_mean"]):
        return go.Scatter(x=[], y=[], mode="lines", **shared)
    first, last = (math.log(pick(run["tokens"] for run in runs)) for pick in (min, max))
    logs = [first + (last - first) * i / (POINTS - 1) for i in range(POINTS)]
    away = [log - point["x_mean"] for log in logs]
    return go.Scatter(
        x=[math.exp(log) for log in logs],
        y=[point["c0"] + point["c1"] * d + point["c2"] * d**2 for d in away],
        mode="lines",
        line=style.line(2 if point["status"] == "ok" else 1),
        hoverinfo="skip",
        **shared,
    )


def _runs(runs: Sequence[Row], style: theme.Style, shared: dict[str, Any]) -> go.Scatter:
    return go.Scatter(
        x=[run["tokens"] for run in runs],
        y=[run["value"] for run in runs],
        mode="markers",
        marker=style.marker(),
        customdata=[[run["run"], run["params"], run["seed"]] for run in runs],
        hovertemplate="%{customdata[0]}<br>%{x:,} tokens, %{customdata[1]:,} parameters, seed %{customdata[2]}"
        "<br>%{y:.4f} nats a token<extra></extra>",
        **shared,
    )


def _left_out(runs: Sequence[Row], height: float, axes: dict[str, Any]) -> go.Scatter:
    return go.Scatter(
        x=[run["tokens"] for run in runs],
        y=[height] * len(runs),
        mode="markers",
        marker=_left_out_marker(),
        customdata=[[run["run"], run["status"]] for run in runs],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
        showlegend=False,
        **axes,
    )


def _minimum_marker() -> dict[str, Any]:
    return {
        "symbol": "circle-open-dot",
        "size": 15,
        "color": theme.INK,
        "line": {"width": 2, "color": theme.INK},
    }


def _left_out_marker() -> dict[str, Any]:
    return {
        "symbol": theme.LEFT_OUT,
        "size": 10,
        "color": theme.INK,
        "line": {"width": 2.4, "color": theme.INK},
    }


def _notes(series: Series, points: Sequence[Row], lost: Sequence[Row]) -> list[str]:
    notes = [
        f"{series.label}, {theme.power_of_ten(point['budget'])} FLOPs (thin curve): {point['status']}."
        for point in points
        if point["status"] != "ok" and known(point["budget"], point["c2"])
    ]
    if lost:
        named = [f"{run['run']} ({run['status']})" for run in lost[:MOST_NAMED]]
        more = f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
        notes.append(f"× {series.label}, left out: {', '.join(named)}{more}.")
    return distinct(notes)
