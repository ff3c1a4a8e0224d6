"""The compute-optimal frontier: tokens, parameters and loss at the minimum of each budget (Figure 2, middle)."""

from typing import Any

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.data import FigureData
from relscale.figures.law_lines import LawLine, known, law_line
from relscale.figures.panels import (
    HEADING,
    LINE,
    empty,
    footnotes,
    heading,
    legend_right,
    panels,
    set_axes,
)

TITLE = "Compute-optimal frontier"
# column of the frontier, heading, its exponent, title of the axis, law
PARTS = (
    ("tokens", "Tokens D ∝ F<sup>a</sup>", "a", "compute-optimal tokens (number)", "compute_optimal_tokens"),
    (
        "params",
        "Parameters N ∝ F<sup>b</sup>",
        "b",
        "compute-optimal parameters (number)",
        "compute_optimal_params",
    ),
    ("loss", "Loss L ∝ F<sup>−β</sup>", "β", "validation loss (nats a token)", "power_law"),
)


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw a panel for each quantity and a line for each corpus. It has no options."""
    points = [
        row for row in data.rows("frontier", status="ok", run=None) if known(row["tokens"], row["loss"])
    ]
    if not points:
        return empty(TITLE, "No budget has a minimum of validation loss inside the sizes that were tried.")
    found = {(row["corpus"], row["optimizer"]) for row in points}
    every = [series for series in data.series if (series.corpus, series.optimizer) in found]
    grid = panels(TITLE, 1, len(PARTS), width=290, height=290, gap_x=84, top=HEADING + LINE * len(every))
    styles = theme.styles([series.label for series in every])
    x = theme.compute_axis([point["training_flops"] for point in points], grid.width)
    levels = set()
    for column, (quantity, name, exponent, title, law) in enumerate(PARTS):
        axes = grid.axes(0, column)
        values = []
        told = []
        for series in every:
            style = styles[series.label]
            own = [row for row in points if all(row[key] == value for key, value in series.key.items())]
            own = [row for row in own if known(row[quantity])]
            shown = [row[quantity] for row in own]
            fits = data.law_rows(**series.key, suite="validation", law=law)
            fits = [row for row in fits if law != "power_law" or row["metric"] == "nats_per_token"]
            line = law_line(fits, [row["training_flops"] for row in own])
            trace = {**axes, "legendgroup": series.label, "name": series.label}
            if line:
                curve = theme.line_with_band(line.flops, line.value, line.low, line.high, style, **trace)
                grid.figure.add_traces(curve)
                shown += [*line.value, *(line.low or []), *(line.high or [])]
                levels |= {line.slope["level"]} if line.low else set()
                told.append(f"{series.label}: {_exponent(line, exponent)}")
            else:
                told.append(f"{series.label}: no fit")
            grid.figure.add_trace(
                go.Scatter(
                    x=[row["training_flops"] for row in own],
                    y=[row[quantity] for row in own],
                    mode="markers",
                    marker=style.marker(),
                    hovertemplate=f"{series.label}<br>%{{x:.3g}} FLOPs<br>%{{y:.4g}}<extra></extra>",
                    showlegend=False,
                    **trace,
                )
            )
            values += shown
        make = theme.log_axis if quantity == "loss" else theme.power_axis
        set_axes(grid, 0, column, x, make(values, title))
        heading(grid, 0, column, name, *told)
    for series in every:
        key = theme.legend_key(
            series.label, styles[series.label], legendgroup=series.label, **grid.axes(0, 0)
        )
        grid.figure.add_trace(key)
    legend_right(grid, [series.label for series in every])
    band = [
        f"Band and brackets: {level:.0%} interval of the fitted power law (runs vary)." for level in levels
    ]
    left = [
        f"{row['corpus']}, {theme.power_of_ten(row['budget'])} FLOPs is left out: {row['status']}."
        for row in data.rows("frontier", run=None)
        if row["status"] != "ok" and known(row["budget"])
    ]
    footnotes(grid, band + left)
    return grid.figure


def _exponent(line: LawLine, name: str) -> str:
    slope = line.slope
    interval = f" [{_number(slope['low'])}, {_number(slope['high'])}]" if line.low else ""
    return f"{name} = {_number(slope['value'])}{interval}"


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")
