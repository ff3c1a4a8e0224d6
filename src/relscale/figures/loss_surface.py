"""Fitted loss surfaces L(N, D): runs over parameters and tokens, the fit's contours, and what it leaves over.

A row is a fit that the config asked for, of a law in parameters and tokens. Left: every run, coloured by its loss, on
the contours of the law, with the line of least loss for its compute (C = 6ND). Right: the residuals.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from relscale.figures import theme
from relscale.figures.data import FigureData, Row
from relscale.figures.law_lines import known
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
    widen,
)
from relscale.laws.catalogue import law
from relscale.measurements.metric import Metric

TITLE = "Loss over parameters and tokens"
SURFACE = "params, tokens"  # the predictors of such a law
MOST_FITS = 4
GRID = 28  # points of the contours' grid, each way
RAYS = 25  # computes at which the least loss is sought
LEVELS = 12
USUAL = 0.97  # share of the losses that colours and contours tell apart; a few are far above the others
WIDE = 6.0  # residuals beyond so many times their middle size stand at the panel's edge
LABELS = {"alpha": "α", "beta": "β"}
OPTIMUM = "least loss for its compute"
RUN = "a run, coloured by its loss"
BEYOND = "residual beyond the panel"


class Surface(NamedTuple):
    """A fit, and the runs of what it was fitted to: parameters, tokens, FLOPs, loss, and what the law says."""

    rows: list[Row]
    names: list[str]
    params: NDArray[np.float64]
    tokens: NDArray[np.float64]
    flops: NDArray[np.float64]
    loss: NDArray[np.float64]

    def at(self, params: NDArray[np.float64], tokens: NDArray[np.float64]) -> NDArray[np.float64]:
        """The law's loss."""
        told = {row["parameter"]: row["value"] for row in self.rows}
        found = law(self.rows[0]["law"])
        theta = np.array([told[parameter.name] for parameter in found.parameters])
        x = np.stack([np.ravel(params), np.ravel(tokens)])
        return np.asarray(found.value(theta[:, None], x[:, :, None])[:, 0]).reshape(np.shape(params))


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw every such fit; ``fits`` (a list of names) chooses some."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in data.rows("fits", predictor=SURFACE):
        if row["fit"] and row["fit"] in (options.get("fits") or [row["fit"]]):
            key = ("fit", "corpus", "optimizer", "suite", "prompt", "metric", "group")
            found.setdefault(tuple(row[name] for name in key), []).append(row)
    surfaces = [surface for surface in (_surface(data, rows) for rows in found.values()) if surface]
    if not surfaces:
        return empty(TITLE, "The config asks for no law of parameters and tokens, or none could be fitted.")
    shown = surfaces[:MOST_FITS]
    grid = panels(
        TITLE,
        len(shown),
        2,
        width=430,
        height=320,
        gap_x=100,
        gap_y=HEADING + 2 * LINE + 66,
        top=HEADING + 2 * LINE,
    )
    losses = [surface.loss for surface in shown]
    beyond = sum(_draw(grid, row, surface) for row, surface in enumerate(shown))
    _legend(grid, losses, Metric.parse(shown[0].rows[0]["metric"]).title)
    footnotes(grid, _notes(shown, beyond, len(surfaces) - len(shown)))
    return grid.figure


def _surface(data: FigureData, rows: list[Row]) -> Surface | None:
    """The runs behind a fit; None where a parameter is not known."""
    first = rows[0]
    told = {row["parameter"] for row in rows if known(row["value"])}
    if not {parameter.name for parameter in law(first["law"]).parameters} <= told:
        return None
    where = {name: first[name] for name in ("corpus", "optimizer", "suite", "prompt", "metric", "group")}
    where = {name: value for name, value in where.items() if value is not None}
    runs = [run for run in data.rows("measurements", **where) if run["status"] == "ok"]
    runs = [run for run in runs if known(run["params"], run["tokens"], run["value"]) and run["value"] > 0]
    if not runs:
        return None
    columns = (
        np.array([run[name] for run in runs], dtype=float)
        for name in ("params", "tokens", "training_flops", "value")
    )
    return Surface(rows, [run["run"] for run in runs], *columns)


def _draw(grid: Panels, row: int, surface: Surface) -> int:
    """A row of panels; returns how many residuals lie beyond theirs."""
    axes = grid.axes(row, 0)
    x = theme.power_axis(surface.tokens, "training tokens (number)", grid.width)
    y = theme.power_axis(surface.params, "parameters (number)", grid.heights[row])
    set_axes(grid, row, 0, x, y)
    tokens, params = (10 ** np.linspace(axis["range"][0], axis["range"][1], GRID) for axis in (x, y))
    values = surface.at(*np.meshgrid(params, tokens, indexing="ij"))
    levels = theme.linear_ticks(float(surface.loss.min()), float(np.quantile(surface.loss, USUAL)), LEVELS)
    grid.figure.add_trace(
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
                "labelfont": {"size": theme.SIZE - 3, "color": theme.FAINT},
                "labelformat": ".4~r",
            },
            line={"color": "#9a9a9a", "width": 1},
            hoverinfo="skip",
            showscale=False,
            showlegend=False,
            **axes,
        )
    )
    optimum = _optimum(surface, [x["range"], y["range"]])
    grid.figure.add_trace(
        go.Scatter(
            x=_list(optimum[1]),
            y=_list(optimum[0]),
            mode="lines",
            line=_optimum_style().line(2.4),
            hoverinfo="skip",
            showlegend=False,
            **axes,
        )
    )
    fitted = surface.at(surface.params, surface.tokens)
    residual = 100 * np.log(surface.loss / fitted)
    marker = {"coloraxis": "coloraxis", "line": {"color": "white", "width": 0.6}}
    told = [
        f"{name}<br>{loss:.4g}, law {value:.4g} ({left:+.2f}%)"
        for name, loss, value, left in zip(surface.names, surface.loss, fitted, residual, strict=True)
    ]
    grid.figure.add_trace(
        go.Scatter(
            x=_list(surface.tokens),
            y=_list(surface.params),
            mode="markers",
            marker={**marker, "color": _list(np.log(surface.loss)), "size": 8},
            text=told,
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
            **axes,
        )
    )
    heading(grid, row, 0, surface.rows[0]["fit"].replace("_", " "), *_parameters(surface.rows))
    return _draw_residuals(grid, row, surface, residual, told, marker)


def _draw_residuals(
    grid: Panels,
    row: int,
    surface: Surface,
    residual: NDArray[np.float64],
    told: list[str],
    marker: dict[str, Any],
) -> int:
    axes = grid.axes(row, 1)
    middle = float(np.median(np.abs(residual)))
    inside = np.abs(residual) <= max(WIDE * middle, 1e-9)
    edge = float(np.abs(residual[inside]).max(initial=middle))
    x = theme.compute_axis(surface.flops, grid.width)
    y = theme.linear_axis([-edge, edge], "loss over the law's (%)", most=7, pad=0.12, zero=True)
    set_axes(grid, row, 1, x, y)
    level_line(grid, row, 1, 0.0)
    grid.figure.add_trace(
        go.Scatter(
            x=_list(surface.flops[inside]),
            y=_list(residual[inside]),
            mode="markers",
            marker={**marker, "color": _list(np.log(surface.loss[inside])), "size": 7},
            text=[name for name, is_in in zip(surface.names, inside, strict=True) if is_in],
            hovertemplate="%{text}<br>%{y:.2f}%<extra></extra>",
            showlegend=False,
            **axes,
        )
    )
    grid.figure.add_trace(
        go.Scatter(
            x=_list(surface.flops[~inside]),
            y=_list(np.sign(residual[~inside]) * 1.08 * edge),
            mode="markers",
            marker=_beyond_marker(),
            text=[text for text, is_in in zip(told, inside, strict=True) if not is_in],
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
            **axes,
        )
    )
    size = math.sqrt(float(np.mean(residual[inside] ** 2)))
    heading(grid, row, 1, "Residuals", f"{len(residual)} runs; root mean square in the panel: {size:.2g}%")
    return int(np.sum(~inside))


def _optimum(surface: Surface, ranges: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Parameters and tokens of least loss along lines of one compute, 6ND, across the panel: (2, n)."""
    (d_low, d_high), (n_low, n_high) = ranges
    best = []
    for log_product in np.linspace(d_low + n_low, d_high + n_high, RAYS)[1:-1]:
        log_n = np.linspace(max(n_low, log_product - d_high), min(n_high, log_product - d_low), 400)
        loss = surface.at(10**log_n, 10 ** (log_product - log_n))
        place = int(np.argmin(loss))
        if 0 < place < len(log_n) - 1:
            best.append((10 ** log_n[place], 10 ** (log_product - log_n[place])))
    return np.array(best).T if best else np.empty((2, 0))


def _parameters(rows: Sequence[Row]) -> list[str]:
    """Every parameter with its interval, in two lines."""
    names = [parameter.name for parameter in law(rows[0]["law"]).parameters]
    told = []
    for name in names:
        row = next(row for row in rows if row["parameter"] == name)
        interval = (
            f" [{_number(row['low'])}, {_number(row['high'])}]" if known(row["low"], row["high"]) else ""
        )
        told.append(f"{LABELS.get(name, name)} = {_number(row['value'])}{interval}")
    return [", ".join(told[: len(told) // 2 + 1]), ", ".join(told[len(told) // 2 + 1 :])]


def _list(values: NDArray[np.float64]) -> list[float]:
    """Numbers for plotly, with no more digits than can be seen; an array would be stored as unreadable bytes."""
    return [float(f"{value:.4g}") for value in values]


def _number(value: float) -> str:
    return theme.plain(float(f"{value:.4g}"))


def _optimum_style() -> theme.Style:
    return theme.Style("#d55e00", "circle", "8px,3px")


def _beyond_marker() -> dict[str, Any]:
    return {
        "symbol": theme.LEFT_OUT,
        "size": 9,
        "color": theme.INK,
        "line": {"width": 2, "color": theme.INK},
    }


def _legend(grid: Panels, losses: Sequence[NDArray[np.float64]], title: str) -> None:
    """Keys to the right, and under them the scale of colours."""
    axes = grid.axes(0, 0)
    run = {"symbol": "circle", "size": 8, "color": theme.COLOURS[1]}
    grid.figure.add_trace(go.Scatter(x=[None], y=[None], mode="markers", marker=run, name=RUN, **axes))
    grid.figure.add_trace(theme.legend_key(OPTIMUM, _optimum_style(), mode="lines", **axes))
    beyond = _beyond_marker()
    grid.figure.add_trace(go.Scatter(x=[None], y=[None], mode="markers", marker=beyond, name=BEYOND, **axes))
    legend_right(grid, [RUN, OPTIMUM, BEYOND])
    low = min(float(loss.min()) for loss in losses)
    high = max(float(np.quantile(loss, USUAL)) for loss in losses)
    ticks = theme.log_ticks(low, high, 7)
    start = (grid.plot_width + 40) / grid.plot_width
    grid.figure.update_layout(
        coloraxis={
            "colorscale": [[share, f"rgb{colour}"] for share, colour in theme.SEQUENCE],
            "cmin": math.log(low),
            "cmax": math.log(high),
            "colorbar": {
                "title": {"text": title, "font": {"size": theme.SIZE - 1}},
                "tickvals": [math.log(tick) for tick in ticks],
                "ticktext": [theme.plain(tick) for tick in ticks],
                "thickness": 16,
                "lenmode": "pixels",
                "len": 200,
                "x": start,
                "xanchor": "left",
                "y": 1 - 100 / grid.plot_height,
                "yanchor": "top",
                "outlinewidth": 0,
            },
        }
    )
    widen(grid, right=10)


def _notes(surfaces: Sequence[Surface], beyond: int, left_out: int) -> list[str]:
    notes = []
    for surface in surfaces:
        first = surface.rows[0]
        n, every = first["n"], len(surface.names)
        of = f"fitted to {n} of {every} runs" if n is not None and n != every else f"fitted to {every} runs"
        bounds = next((row for row in surface.rows if known(row["low"])), None)
        how = f"; brackets: {bounds['level']:.0%}, {bounds['scheme']}" if bounds else ""
        why = "" if first["status"] == "ok" else f"; {first['status']}"
        notes.append(f"{first['fit'].replace('_', ' ')} ({first['law']}): {of}{how}{why}.")
    notes += [f"×: {beyond} residuals lie beyond the panels."] if beyond else []
    notes += [f"{left_out} more such fits are in fits.parquet."] if left_out else []
    return notes
