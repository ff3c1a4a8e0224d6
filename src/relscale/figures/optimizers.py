"""Optimizers against one of them: validation loss, and its ratio at matched compute and at equal size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.data import FigureData, Row, Series, distinct
from relscale.figures.law_lines import LawLine, known, law_line
from relscale.figures.panels import (
    HEADING,
    LINE,
    Panels,
    empty,
    footnotes,
    heading,
    legend_right,
    level_line,
    panels,
    set_axes,
)
from relscale.measurements.metric import VALIDATION

TITLE = "Optimizers"
LOSS = VALIDATION._asdict()
CONTRAST = "optimizer"


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw three panels for each corpus: loss and ratio along the frontier, ratio by parameters. It has no options."""
    gaps = data.rows("gaps", contrast=CONTRAST, **LOSS, status="ok")
    sizes = data.rows("sizes", contrast=CONTRAST, **LOSS, status="ok")
    if not gaps:
        return empty(
            TITLE, "This experiment compares no optimizers with each other (fit.contrasts names none)."
        )
    corpora = distinct(row["corpus"] for row in gaps)
    baseline = gaps[0]["baseline"]
    every = [one for one in data.series if one.corpus in corpora]
    names = distinct([baseline, *(one.optimizer for one in every)])
    styles = theme.styles(names, baseline)
    grid = panels(
        TITLE, len(corpora), 3, width=300, height=290, gap_x=92, top=HEADING + LINE * (len(names) + 1)
    )
    levels: set[float] = set()
    for row, corpus in enumerate(corpora):
        own = [one for one in every if one.corpus == corpus]
        told = _errors(grid, row, data, own, styles)
        heading(grid, row, 0, f"{corpus}: validation loss", *told)
        for column, (points, what) in enumerate(((gaps, "compute"), (sizes, "size")), start=1):
            found = _ratios(grid, (row, column), data, own, points, baseline, styles, levels)
            heading(grid, row, column, f"Loss relative to {baseline}, by {what}", *found)
    for name in names:
        label = f"{name} (baseline)" if name == baseline else name
        grid.figure.add_trace(theme.legend_key(label, styles[name], legendgroup=name, **grid.axes(0, 0)))
    legend_right(grid, [f"{name} (baseline)" if name == baseline else name for name in names])
    bands = [f"Bands and brackets: {level:.0%} interval of the fitted line (runs vary)." for level in levels]
    how = (
        "By compute: each optimizer at its own compute-optimal size. By size: every pair of runs with equal parameters "
        "and tokens, at all budgets."
    )
    footnotes(grid, [*bands, how])
    return grid.figure


def _errors(
    grid: Panels, row: int, data: FigureData, every: Sequence[Series], styles: dict[str, theme.Style]
) -> list[str]:
    """The loss of each optimizer along its frontier; what to say of it."""
    told, flops, values = [], [], []
    for one in every:
        points = data.rows("errors", **one.key, **LOSS, status="ok")
        x, y = ([point[name] for point in points] for name in ("training_flops", "value"))
        line = law_line(data.law_rows(CONTRAST, **one.key, **LOSS, law="power_law"), x)
        _trace(grid, (row, 0), str(one.optimizer), x, y, line, styles)
        flops += x
        values += y
        if line:
            told.append(f"{one.optimizer}: β = {_interval(line)}")
    set_axes(grid, row, 0, theme.compute_axis(flops, grid.width), theme.log_axis(values, "nats a token"))
    return told


def _ratios(
    grid: Panels,
    place: tuple[int, int],
    data: FigureData,
    every: Sequence[Series],
    rows: Sequence[Row],
    baseline: str,
    styles: dict[str, theme.Style],
    levels: set[float],
) -> list[str]:
    """Ratios to the baseline by compute, or by parameters where ``rows`` have them; what to say of them."""
    by_size = bool(rows) and "params" in rows[0]
    predictor, law, slope = (
        ("params", "relative_power_law_of_params", "exponent")
        if by_size
        else ("training_flops", "relative_power_law", "Δβ")
    )
    told, xs, ys = [], [], []
    for one in every:
        points = [row for row in rows if all(row[key] == value for key, value in one.key.items())]
        if not points:
            continue
        x, y = [point[predictor] for point in points], [point["ratio"] for point in points]
        fits = [
            fit for fit in data.law_rows(CONTRAST, **one.key, **LOSS, law=law) if fit["contrast"] == CONTRAST
        ]
        if by_size:  # the line's reference is the mean of the logarithms, of parameters here
            fits = [fit | {"reference_flops": float(np.exp(np.log(x).mean()))} for fit in fits]
        line = law_line(fits, x)
        _trace(grid, place, str(one.optimizer), x, y, line, styles)
        xs += x
        ys += [*y, *(line.low or [] if line else []), *(line.high or [] if line else [])]
        if line:
            levels |= {line.slope["level"]} if line.low else set()
            words = f", {line.slope['direction']}" if line.slope["direction"] else ""
            told.append(f"{one.optimizer}: {slope} = {_interval(line)}{words}")
        else:
            told.append(f"{one.optimizer}: {len(points)} points, too few for a line")
    axis = theme.power_axis(xs, "parameters (number)") if by_size else theme.compute_axis(xs, grid.width)
    set_axes(grid, *place, axis, theme.log_axis([*ys, 1.0], "ratio of losses"))
    level_line(grid, *place, 1.0)
    return told


def _trace(
    grid: Panels,
    place: tuple[int, int],
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    line: LawLine | None,
    styles: dict[str, theme.Style],
) -> None:
    trace = {**grid.axes(*place), "legendgroup": name, "name": name}
    if line:
        curve = theme.line_with_band(line.flops, line.value, line.low, line.high, styles[name], **trace)
        grid.figure.add_traces(curve)
    grid.figure.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="markers",
            marker=styles[name].marker(),
            hovertemplate=f"{name}<br>%{{x:.3g}}<br>%{{y:.4g}}<extra></extra>",
            showlegend=False,
            **trace,
        )
    )


def _interval(line: LawLine) -> str:
    slope = line.slope
    interval = f" [{slope['low']:.3f}, {slope['high']:.3f}]" if known(slope["low"], slope["high"]) else ""
    return f"{slope['value']:.3f}{interval}".replace("-", "−")
