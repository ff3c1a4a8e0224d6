"""Fitted loss surfaces L(N, D): runs over parameters and tokens, contours of the fit, and residuals.

One row per fit of a law of parameters and tokens. Left: every run, coloured by its loss, on the contours of the law,
with the compute-optimal line (C = 6ND). Right: the residuals.
"""

import math
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.data import FigureData
from relscale.figures.fitted_surface import Surface, compute_optimal_line, fitted_surface
from relscale.figures.options import SeveralFits
from relscale.figures.select import named_fits
from relscale.measurements.metric import Metric

TITLE = "Loss over parameters and tokens"
PREDICTORS = "params, tokens"
MOST_FITS = 4
GRID = 28  # points of the contours' grid in each direction
LEVELS = 12
HIGHEST_QUANTILE = 0.97  # of the losses: end of the colour scale and contours, because a few are far above it
OUTLIER = 6.0  # residuals beyond this multiple of their median size are drawn at the edge of the panel
OPTIMUM = chart.Style("#d55e00", dash="8px,3px", width=2.4)
BEYOND = replace(chart.EXCLUDED, size=9, width=2)


def draw(data: FigureData, options: SeveralFits) -> go.Figure:
    """Draw every fit of a law of parameters and tokens."""
    fits = named_fits(data, options.fits, predictor=PREDICTORS)
    surfaces = [surface for rows in fits if (surface := fitted_surface(data, rows))]
    if not surfaces:
        return chart.empty(
            TITLE, "The config requests no law of parameters and tokens, or none could be fitted."
        )
    shown = surfaces[:MOST_FITS]
    panels = chart.grid(TITLE, len(shown), 2, width=430, height=320, gap_x=100, lines=2)
    beyond = 0
    for i, surface in enumerate(shown):
        _draw_surface(panels.panel(i, 0), surface)
        beyond += _draw_residuals(panels.panel(i, 1), surface)
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
        max(float(np.quantile(surface.loss, HIGHEST_QUANTILE)) for surface in shown),
    )
    n_hidden = len(surfaces) - len(shown)
    panels.notes(
        *(surface.note for surface in shown),
        f"×: {beyond} residuals are outside the panels." if beyond else "",
        f"{n_hidden} further fits are in fits.parquet." if n_hidden else "",
    )
    return panels.figure


def _draw_surface(panel: chart.Panel, surface: Surface) -> None:
    """Draw every run, coloured by its loss, on the contours of the law, with the compute-optimal line."""
    x = chart.power_axis(surface.tokens, "training tokens", panel.width)
    y = chart.power_axis(surface.params, "parameters", panel.height)
    panel.axes(x, y)
    tokens, params = (10 ** np.linspace(axis["range"][0], axis["range"][1], GRID) for axis in (x, y))
    highest = float(np.quantile(surface.loss, HIGHEST_QUANTILE))
    levels = chart.linear_ticks(float(surface.loss.min()), highest, LEVELS)
    loss = surface.fitted_loss(*np.meshgrid(params, tokens, indexing="ij"))
    chart.contours(panel, tokens, params, loss, levels)
    optimal_params, optimal_tokens = compute_optimal_line(surface, x["range"], y["range"])
    panel.line(list(optimal_tokens), list(optimal_params), OPTIMUM)
    chart.coloured_points(panel, surface.tokens, surface.params, surface.loss, surface.hover_texts, "%{text}")
    panel.heading(surface.name, *surface.parameters)


def _draw_residuals(panel: chart.Panel, surface: Surface) -> int:
    """Draw the residuals over compute; returns the number of those at the edge."""
    residual = surface.residual
    median_size = float(np.median(np.abs(residual)))
    inside = np.abs(residual) <= max(OUTLIER * median_size, 1e-9)
    edge = float(np.abs(residual[inside]).max(initial=median_size))
    x = chart.compute_axis(surface.flops, panel.width)
    panel.axes(x, chart.linear_axis([-edge, edge], "residual of the loss (%)", most=7, pad=0.12, zero=True))
    panel.reference_line(0.0)
    names, texts = np.array(surface.names, dtype=object), np.array(surface.hover_texts, dtype=object)
    chart.coloured_points(
        panel,
        surface.flops[inside],
        residual[inside],
        surface.loss[inside],
        names[inside],
        "%{text}<br>%{y}%",
    )
    at_edge = list(np.sign(residual[~inside]) * 1.08 * edge)
    panel.points(
        list(surface.flops[~inside]), at_edge, BEYOND, details=list(texts[~inside]), hover="%{customdata}"
    )
    size = math.sqrt(float(np.mean(residual[inside] ** 2)))
    panel.heading("Residuals", f"{len(residual)} runs; root mean square in the panel: {size:.2g}%")
    return int(np.sum(~inside))
