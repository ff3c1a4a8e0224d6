"""Fitted loss surfaces L(N, D): runs over parameters and tokens, the fit's contours, and what it leaves over.

A row is a fit that the config asked for, of a law in parameters and tokens. Left: every run, coloured by its loss, on
the contours of the law, with the line of least loss for its compute (C = 6ND). Right: the residuals.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.grid import Grid
from relscale.figures.chart.numbers import estimate, known
from relscale.figures.data import FigureData, Row
from relscale.figures.fitted_surface import Array, Surface, fitted_surface, least_loss
from relscale.laws.catalogue import law
from relscale.measurements.metric import Metric

TITLE = "Loss over parameters and tokens"
SURFACE = "params, tokens"  # the predictors of such a law
MOST_FITS = 4
GRID = 28  # points of the contours' grid, each way
LEVELS = 12
USUAL = 0.97  # share of the losses that colours and contours tell apart; a few are far above the others
WIDE = 6.0  # residuals beyond so many times their middle size stand at the panel's edge
LABELS = {"alpha": "α", "beta": "β"}
OPTIMUM = chart.Style("#d55e00", dash="8px,3px", width=2.4)
BEYOND = replace(chart.LEFT_OUT, size=9, width=2)


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw every such fit; ``fits`` (a list of names) chooses some."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in data.rows("fits", predictor=SURFACE):
        if row.fit and row.fit in (options.get("fits") or [row.fit]):
            key = ("fit", "corpus", "optimizer", "suite", "prompt", "metric", "group")
            found.setdefault(tuple(getattr(row, name) for name in key), []).append(row)
    surfaces = [surface for surface in (fitted_surface(data, rows) for rows in found.values()) if surface]
    if not surfaces:
        return chart.empty(
            TITLE, "The config asks for no law of parameters and tokens, or none could be fitted."
        )
    shown = surfaces[:MOST_FITS]
    top = chart.HEADING + 2 * chart.LINE
    panels = chart.grid(TITLE, len(shown), 2, width=430, height=320, gap_x=100, gap_y=top + 66, top=top)
    beyond = 0
    for place, surface in enumerate(shown):
        _draw_surface(panels.panel(place, 0), surface)
        beyond += _draw_residuals(panels.panel(place, 1), surface)
    panels.key(
        [
            chart.Key("a run, coloured by its loss", chart.Style(chart.COLOURS[0]), "markers"),
            chart.Key("least loss for its compute", OPTIMUM, "lines"),
            chart.Key("residual beyond the panel", BEYOND, "markers"),
        ]
    )
    _colour_scale(panels, [surface.loss for surface in shown], Metric.parse(shown[0].rows[0].metric).title)
    left_out = len(surfaces) - len(shown)
    panels.notes(
        *map(_note, shown),
        f"×: {beyond} residuals lie beyond the panels." if beyond else "",
        f"{left_out} more such fits are in fits.parquet." if left_out else "",
    )
    return panels.figure


def _draw_surface(panel: chart.Panel, surface: Surface) -> None:
    """Every run, coloured by its loss, on the contours of the law, with the line of least loss for its compute."""
    x = chart.power_axis(surface.tokens, "training tokens", panel.width)
    y = chart.power_axis(surface.params, "parameters", panel.height)
    panel.axes(x, y)
    tokens, params = (10 ** np.linspace(axis["range"][0], axis["range"][1], GRID) for axis in (x, y))
    values = surface.at(*np.meshgrid(params, tokens, indexing="ij"))
    levels = chart.linear_ticks(float(surface.loss.min()), float(np.quantile(surface.loss, USUAL)), LEVELS)
    panel.add(
        go.Contour(
            x=_list(tokens),
            y=_list(params),
            z=[_list(line) for line in values],
            contours={
                "start": levels[0],
                "end": levels[-1],
                "size": levels[1] - levels[0],
                "coloring": "none",
                "showlabels": True,
                "labelfont": {"size": chart.SIZE - 3, "color": chart.FAINT},
                "labelformat": ".4~r",
            },
            line={"color": "#9a9a9a", "width": 1},
            hoverinfo="skip",
            showscale=False,
            showlegend=False,
        )
    )
    optimum = least_loss(surface, [x["range"], y["range"]])
    panel.line(_list(optimum[1]), _list(optimum[0]), OPTIMUM)
    _coloured(panel, surface.tokens, surface.params, surface.loss, surface.words, "%{text}")
    panel.heading(surface.rows[0].fit.replace("_", " "), *_parameters(surface.rows))


def _draw_residuals(panel: chart.Panel, surface: Surface) -> int:
    """The residuals over compute; returns how many lie beyond the panel."""
    residual = surface.residual
    middle = float(np.median(np.abs(residual)))
    inside = np.abs(residual) <= max(WIDE * middle, 1e-9)
    edge = float(np.abs(residual[inside]).max(initial=middle))
    x = chart.compute_axis(surface.flops, panel.width)
    panel.axes(x, chart.linear_axis([-edge, edge], "residual of the loss (%)", most=7, pad=0.12, zero=True))
    panel.reference_line(0.0)
    names = [name for name, is_in in zip(surface.names, inside, strict=True) if is_in]
    hover = "%{text}<br>%{y}%"
    _coloured(panel, surface.flops[inside], residual[inside], surface.loss[inside], names, hover)
    panel.points(
        _list(surface.flops[~inside]),
        _list(np.sign(residual[~inside]) * 1.08 * edge),
        BEYOND,
        about=[words for words, is_in in zip(surface.words, inside, strict=True) if not is_in],
        hover="%{customdata}",
    )
    size = math.sqrt(float(np.mean(residual[inside] ** 2)))
    panel.heading("Residuals", f"{len(residual)} runs; root mean square in the panel: {size:.2g}%")
    return int(np.sum(~inside))


def _coloured(panel: chart.Panel, x: Array, y: Array, loss: Array, words: Sequence[str], hover: str) -> None:
    """Points that take their colour from the loss."""
    marker = {"coloraxis": "coloraxis", "color": _list(np.log(loss)), "size": 8}
    panel.add(
        go.Scatter(
            x=_list(x),
            y=_list(y),
            mode="markers",
            marker={**marker, "line": {"color": "white", "width": 0.6}},
            text=list(words),
            hovertemplate=f"{hover}<extra></extra>",
            showlegend=False,
        )
    )


def _parameters(rows: Sequence[Row]) -> list[str]:
    """Every parameter with its interval, in two lines."""
    by_name = {row.parameter: row for row in rows}
    words = []
    for parameter in law(rows[0].law).parameters:
        row = by_name[parameter.name]
        words.append(
            f"{LABELS.get(parameter.name, parameter.name)} = {estimate(row.value, row.low, row.high)}"
        )
    half = len(words) // 2 + 1
    return [", ".join(words[:half]), ", ".join(words[half:])]


def _list(values: Array) -> list[float]:
    """Numbers for plotly, with no more digits than can be seen; an array would be stored as unreadable bytes."""
    return [float(f"{value:.4g}") for value in values]


def _colour_scale(panels: Grid, losses: Sequence[Array], title: str) -> None:
    """The scale of colours under the keys."""
    panels.colour_scale(
        title,
        min(float(loss.min()) for loss in losses),
        max(float(np.quantile(loss, USUAL)) for loss in losses),
    )


def _note(surface: Surface) -> str:
    first, every = surface.rows[0], len(surface.names)
    n = first.n if first.n not in (None, every) else None
    runs = f"{every} runs" if n is None else f"{n} of {every} runs"
    bounds = next((row for row in surface.rows if known(row.low)), None)
    how = f"; brackets: {bounds.level:.0%}, {bounds.interval}" if bounds else ""
    why = "" if first.status == "ok" else f"; {first.reason}"
    return f"{first.fit.replace('_', ' ')} ({first.law}): fitted to {runs}{how}{why}."
