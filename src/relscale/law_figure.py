"""The figure of any law fitted to a table: its curve through the points, or what it says against what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa

from relscale.figures import chart
from relscale.laws.law import Law

POINTS = 200  # of a curve


@dataclass(frozen=True)
class Curve:
    """What was measured of a group, and the law that was fitted to it.

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
    for row in fits.to_pylist():
        name = _name(row, several)
        parameters.setdefault(name, {})[row["parameter"]] = row["value"]
        references[name] = row["reference_flops"] or 1.0
    points: dict[str, list[dict[str, Any]]] = {}
    for row in measurements.to_pylist():
        if row["status"] == "ok" and row["value"] is not None:
            points.setdefault(_name(row, several), []).append(row)
    has_line = len(law.predictors) == 1 and law.gap is None and not law.made_of
    curves = []
    for name in [name for name in parameters if name in points] or list(parameters)[:1]:
        theta = np.array([parameters[name].get(parameter, np.nan) for parameter in law.names], dtype=float)
        rows = points.get(name, [])
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
    """Draw a law of one predictor as curves over it, and a law of several as fitted values against measured ones.

    Parameters
    ----------
    curves
        One per group.
    title
        Of the figure.
    x
        How the first predictor is called.
    """
    style = chart.styles([curve.name for curve in curves])
    figure = go.Figure()
    for curve in curves:
        color = style[curve.name].colour
        figure.add_scatter(x=curve.x, y=curve.y, mode="markers", name=curve.name, marker={"color": color})
        if curve.line is not None:
            xs, ys = curve.line
            figure.add_scatter(
                x=xs, y=ys, mode="lines", line={"color": color}, showlegend=False, name=curve.name
            )
    has_line = any(curve.line is not None for curve in curves)
    figure.update_layout(
        title={"text": title},
        template="simple_white",
        xaxis={"title": {"text": x if has_line else "fitted"}, "type": "log"},
        yaxis={"title": {"text": "measured"}, "type": "log"},
        showlegend=len(curves) > 1,
    )
    return figure


def _name(row: dict[str, Any], several: bool) -> str:
    """What a curve is called."""
    keys = ("corpus", "group") if several else ("group",)
    return " · ".join(str(row[key]) for key in keys if row.get(key) is not None)
