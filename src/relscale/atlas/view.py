"""The figure of an entry of the atlas: measurements, the fitted law, and the published law, in one panel."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from relscale.fitting.estimation.estimate import estimate
from relscale.laws.law import Array, Law

if TYPE_CHECKING:
    import plotly.graph_objects as go


CURVE_POINTS = 120  # points per curve
MAX_POINTS = 150  # maximum number of drawn points per series, evenly spaced
WIDTH, HEIGHT = 460, 320  # pixels

Curve = tuple[ArrayLike, ArrayLike]


@dataclass(frozen=True)
class Series:
    """A group of measurements and its laws.

    Attributes
    ----------
    name
        Name of the group.
    x, y
        Measurements; empty for a curve without measurements.
    fitted, published
        The fitted and the published law, each as x and y, if any.
    """

    name: str
    x: ArrayLike = ()
    y: ArrayLike = ()
    fitted: Curve | None = None
    published: Curve | None = None


@dataclass(frozen=True)
class View:
    """A figure: axis titles, whether the axes are logarithmic, and series."""

    x: str
    y: str
    series: tuple[Series, ...]
    log_x: bool = True
    log_y: bool = True


def curve_points(x: ArrayLike, log: bool = True) -> Array:
    """Evenly spaced x of a curve, from the smallest to the largest x."""
    low, high = float(np.min(x)), float(np.max(x))
    return np.geomspace(low, high, CURVE_POINTS) if log else np.linspace(low, high, CURVE_POINTS)


def fitted_series(
    name: str, law: Law, x: Array, y: Array, *, residual: str = "log", known: Array | None = None
) -> Series:
    """The series of a law of one predictor fitted to x and y, or only to the points that are ``known``."""
    scale = float(np.exp(np.log(x).mean())) if law.reference else 1.0
    usable = np.ones(len(x), dtype=bool) if known is None else known
    theta = estimate(law, x[None, usable] / scale, y[usable], residual=residual).theta[:, 0]
    at = curve_points(x)
    return Series(name, x, y, fitted=(at, law.value(theta, at[None] / scale)))


def line_series(name: str, x: Array, y: Array, log: bool = True) -> Series:
    """The series of a straight line through x and y, or through their logarithms."""
    transform, inverse = (np.log, np.exp) if log else (np.asarray, np.asarray)
    slope, level = np.polyfit(transform(x), transform(y), 1)
    at = curve_points(x, log)
    return Series(name, x, y, fitted=(at, np.asarray(inverse(level + slope * transform(at)))))


def draw(title: str, view: View) -> "go.Figure":
    """The figure of a view, on the chart layer."""
    from relscale.figures import chart

    panels = chart.grid(title, 1, 1, width=WIDTH, height=HEIGHT)
    panel, styles = panels.panel(0, 0), chart.styles([series.name for series in view.series])
    drawn = [
        curve
        for series in view.series
        for curve in ((series.x, series.y), series.fitted, series.published)
        if curve
    ]
    across, up = (
        np.concatenate([np.asarray(curve[i], dtype=float) for curve in drawn]).tolist() for i in (0, 1)
    )
    panel.axes(
        chart.size_axis(across, view.x, WIDTH) if view.log_x else chart.linear_axis(across, view.x),
        chart.log_axis(up, view.y) if view.log_y else chart.linear_axis(up, view.y),
    )
    keys = []
    for series in view.series:
        style = styles[series.name]
        x, y = np.asarray(series.x, dtype=float), np.asarray(series.y, dtype=float)
        shown = np.unique(np.linspace(0, max(len(x) - 1, 0), min(len(x), MAX_POINTS)).round().astype(int))
        if series.fitted:
            panel.line(*_lists(series.fitted), style, name=series.name, group=series.name)
        if series.published:
            dashed = chart.Style(chart.INK, dash="3px,3px", width=1.4)
            panel.line(*_lists(series.published), dashed, group=series.name)
        if len(x):
            small = chart.Style(style.colour, style.symbol, style.dash, size=6)
            panel.points(x[shown].tolist(), y[shown].tolist(), small, name=series.name, group=series.name)
        mode = "lines+markers" if len(x) and series.fitted else "markers" if len(x) else "lines"
        keys.append(chart.Key(series.name, style, mode, group=series.name))
    if any(series.published for series in view.series):
        keys.append(chart.Key("as published", chart.Style(chart.INK, dash="3px,3px", width=1.4), "lines"))
    panels.key(keys if len(keys) > 1 else [])
    return panels.figure


def _lists(curve: Curve) -> tuple[list[float], list[float]]:
    x, y = (np.asarray(side, dtype=float).tolist() for side in curve)
    return x, y
