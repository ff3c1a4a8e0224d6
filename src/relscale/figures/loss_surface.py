"""Fitted loss surfaces L(N, D): runs over parameters and tokens, contours of the fit, and residuals.

One row per fit of a law of parameters and tokens. Left: every run, coloured by its loss, on the contours of the law,
with the compute-optimal line (C = 6ND). Right: the residuals.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.data import FigureData, series_key
from relscale.figures.fitted_surface import Surface, fitted_surface, least_loss
from relscale.figures.options import SeveralFits
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.measurements.metric import Metric

TITLE = "Loss over parameters and tokens"
SURFACE = "params, tokens"  # the predictors of such a law
MOST_FITS = 4
GRID = 28  # points of the contours' grid, each way
LEVELS = 12
USUAL = 0.97  # share of the losses that colours and contours tell apart; a few are far above the others
WIDE = 6.0  # residuals beyond so many times their middle size stand at the panel's edge
OPTIMUM = chart.Style("#d55e00", dash="8px,3px", width=2.4)
BEYOND = replace(chart.EXCLUDED, size=9, width=2)


def draw(data: FigureData, options: SeveralFits) -> go.Figure:
    """Draw every such fit."""
    fits: dict[tuple[Any, ...], list[ParameterRow]] = {}
    for row in data.rows(ParameterRow, predictor=SURFACE):
        if row.fit and row.fit in (options.fits or [row.fit]):
            fits.setdefault((row.fit, *series_key(row)), []).append(row)
    surfaces = [surface for surface in (fitted_surface(data, rows) for rows in fits.values()) if surface]
    if not surfaces:
        return chart.empty(
            TITLE, "The config requests no law of parameters and tokens, or none could be fitted."
        )
    shown = surfaces[:MOST_FITS]
    panels = chart.grid(TITLE, len(shown), 2, width=430, height=320, gap_x=100, lines=2)
    beyond = 0
    for place, surface in enumerate(shown):
        _draw_surface(panels.panel(place, 0), surface)
        beyond += _draw_residuals(panels.panel(place, 1), surface)
    panels.key(
        [
            chart.Key("a run, coloured by its loss", chart.Style(chart.COLOURS[0]), "markers"),
            chart.Key("compute-optimal", OPTIMUM, "lines"),
            *[chart.Key("residual outside the panel", BEYOND, "markers")] * bool(beyond),
        ]
    )
    panels.colour_scale(
        Metric.parse(str(shown[0].rows[0].metric)).title,
        min(float(surface.loss.min()) for surface in shown),
        max(float(np.quantile(surface.loss, USUAL)) for surface in shown),
    )
    n_hidden = len(surfaces) - len(shown)
    panels.notes(
        *(surface.note for surface in shown),
        f"×: {beyond} residuals are outside the panels." if beyond else "",
        f"{n_hidden} further fits are in fits.parquet." if n_hidden else "",
    )
    return panels.figure


def _draw_surface(panel: chart.Panel, surface: Surface) -> None:
    """Every run, coloured by its loss, on the contours of the law, with the compute-optimal line."""
    x = chart.power_axis(surface.tokens, "training tokens", panel.width)
    y = chart.power_axis(surface.params, "parameters", panel.height)
    panel.axes(x, y)
    tokens, params = (10 ** np.linspace(axis["range"][0], axis["range"][1], GRID) for axis in (x, y))
    levels = chart.linear_ticks(float(surface.loss.min()), float(np.quantile(surface.loss, USUAL)), LEVELS)
    panel.contours(tokens, params, surface.at(*np.meshgrid(params, tokens, indexing="ij")), levels)
    optimum = least_loss(surface, [x["range"], y["range"]])
    panel.line(list(optimum[1]), list(optimum[0]), OPTIMUM)
    panel.coloured_points(surface.tokens, surface.params, surface.loss, surface.words, "%{text}")
    panel.heading(surface.name, *surface.parameters)


def _draw_residuals(panel: chart.Panel, surface: Surface) -> int:
    """The residuals over compute; returns the number outside the panel."""
    residual = surface.residual
    middle = float(np.median(np.abs(residual)))
    inside = np.abs(residual) <= max(WIDE * middle, 1e-9)
    edge = float(np.abs(residual[inside]).max(initial=middle))
    x = chart.compute_axis(surface.flops, panel.width)
    panel.axes(x, chart.linear_axis([-edge, edge], "residual of the loss (%)", most=7, pad=0.12, zero=True))
    panel.reference_line(0.0)
    names, words = np.array(surface.names, dtype=object), np.array(surface.words, dtype=object)
    panel.coloured_points(
        surface.flops[inside], residual[inside], surface.loss[inside], names[inside], "%{text}<br>%{y}%"
    )
    far = list(np.sign(residual[~inside]) * 1.08 * edge)
    panel.points(list(surface.flops[~inside]), far, BEYOND, about=list(words[~inside]), hover="%{customdata}")
    size = math.sqrt(float(np.mean(residual[inside] ** 2)))
    panel.heading("Residuals", f"{len(residual)} runs; root mean square in the panel: {size:.2g}%")
    return int(np.sum(~inside))
