"""The figure of any law fitted to a table: its curve through the points, or predicted against measured values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa

from relscale.figures import chart
from relscale.figures.as_text import as_text
from relscale.laws.law import Law

POINTS = 200  # of a curve
WIDTH, HEIGHT = 520, 360  # pixels
EQUAL = chart.Style(chart.MEDIUM, dash="6px,4px", width=1.6)


@dataclass(frozen=True)
class Curve:
    """The measurements of a group and the law that was fitted to them.

    Attributes
    ----------
    name
        The group, and the corpus where there is one.
    x, y
        The first predictor and the measured values; for a law of several predictors x is the fitted value.
    line
        The law over the range of x; None for a law of several predictors.
    """

    name: str
    x: list[float]
    y: list[float]
    line: tuple[list[float], list[float]] | None


def law_curves(measurements: pa.Table, fits: pa.Table, law: Law) -> list[Curve]:
    """The curve of each group that the law could be fitted to.

    Parameters
    ----------
    measurements
        The table as it was fitted.
    fits
        Its parameters, with a row per group and parameter.
    law
        The law.
    """
    several = len(measurements["corpus"].unique()) > 1
    parameters: dict[str, dict[str, Any]] = {}
    references: dict[str, float] = {}
    baselines: dict[str, str] = {}
    for row in fits.to_pylist():
        name = _name(row, several)
        parameters.setdefault(name, {})[row["parameter"]] = row["value"]
        references[name] = row["reference_flops"] or 1.0
        baselines[name] = _name(row | {"group": row.get("baseline")}, several)
    points: dict[str, list[dict[str, Any]]] = {}
    for row in measurements.to_pylist():
        if row["status"] == "ok" and row["value"] is not None:
            points.setdefault(_name(row, several), []).append(row)
    has_line = len(law.predictors) == 1 and not law.source_columns
    curves = []
    for name in [name for name in parameters if name in points] or list(parameters)[:1]:
        theta = np.array([parameters[name].get(parameter, np.nan) for parameter in law.names], dtype=float)
        rows = points.get(name, [])
        if law.gap is not None:
            rows = _gaps(rows, points.get(baselines[name], []), law)
        if not rows or not np.isfinite(theta).all() or any(each not in rows[0] for each in law.predictors):
            continue
        scale = references[name] if law.reference else 1.0
        given = np.array([[row[each] for row in rows] for each in law.predictors], dtype=float) / scale
        measured = [float(row["value"]) for row in rows]
        if has_line:
            grid = np.geomspace(given[0].min(), given[0].max(), POINTS)
            values = law.value(theta[:, None], grid[None])
            line = ((grid * scale).tolist(), values.tolist())
            curves.append(Curve(name, (given[0] * scale).tolist(), measured, line))
        else:
            curves.append(Curve(name, law.value(theta[:, None], given).tolist(), measured, None))
    return curves


def law_figure(curves: Sequence[Curve], title: str, x: str) -> go.Figure:
    """Draw a law of one predictor as curves over it, and a law of several as measured values against fitted ones.

    Parameters
    ----------
    curves
        One per group.
    title
        Of the figure.
    x
        How the first predictor is called.
    """
    title, x = as_text(title), as_text(x)
    if not curves:
        return chart.empty(title, "No group has all parameters of the law.")
    has_line = any(curve.line is not None for curve in curves)
    lines = [curve.line for curve in curves if curve.line]
    across = [value for curve in curves for value in curve.x]
    up = [value for curve in curves for value in curve.y] + [value for _, ys in lines for value in ys]
    panels = chart.grid(title, 1, 1, width=WIDTH, height=HEIGHT)
    panel, styles = panels.panel(0, 0), chart.styles([as_text(curve.name) for curve in curves])
    y = (chart.log_axis if min(up) > 0 else chart.linear_axis)(up, "measured")
    panel.axes(chart.power_axis(across, x if has_line else "fitted", WIDTH), y)
    for curve, (name, style) in zip(curves, styles.items(), strict=True):
        hover = f"{name}<br>%{{x}}<br>%{{y}}"
        if curve.line:
            panel.line(*curve.line, style, name=name, group=name)
        panel.points(curve.x, curve.y, style, hover=hover, name=name, group=name)
    keys = [chart.Key(name, style, group=name) for name, style in styles.items()] if len(curves) > 1 else []
    if not has_line:
        ends = [min(across), max(across)]
        panel.line(ends, ends, EQUAL)
        keys.append(chart.Key("measured as fitted", EQUAL, "lines"))
    panels.key(keys)
    return panels.figure


def _gaps(rows: list[dict[str, Any]], baseline: list[dict[str, Any]], law: Law) -> list[dict[str, Any]]:
    """The rows with how their errors stand to those of the baseline on the same run."""

    def place(row: dict[str, Any]) -> tuple[Any, ...]:
        return (row.get("run"), *(row.get(each) for each in law.predictors))

    of_baseline = {place(row): row["value"] for row in baseline}
    paired = [(row, of_baseline[place(row)]) for row in rows if place(row) in of_baseline]
    return [
        row | {"value": row["value"] / error if law.gap == "ratio" else row["value"] - error}
        for row, error in paired
    ]


def _name(row: dict[str, Any], several: bool) -> str:
    """The name of a curve."""
    keys = ("corpus", "group") if several else ("group",)
    return " · ".join(str(row[key]) for key in keys if row.get(key) is not None)
