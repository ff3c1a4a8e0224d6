"""The figure of any law fitted to a table: its curve through the points, or what it says against what was measured."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa

from relscale.figures import chart
from relscale.laws.law import Law

POINTS = 200  # of a curve


def law_figure(measurements: pa.Table, fits: pa.Table, title: str, x: str, law: Law) -> go.Figure:
    """Draw a law of one predictor as curves over it, and a law of several as fitted values against measured ones.

    Parameters
    ----------
    measurements
        The table as it was fitted.
    fits
        Its parameters, with a row per group and parameter.
    title
        Of the figure.
    x
        How the first predictor is called.
    law
        The law.
    """
    curves: dict[str, dict[str, Any]] = {}
    references: dict[str, float] = {}
    for row in fits.to_pylist():
        name = _name(row)
        curves.setdefault(name, {})[row["parameter"]] = row["value"]
        references[name] = row["reference_flops"] or 1.0
    points: dict[str, list[dict[str, Any]]] = {}
    for row in measurements.to_pylist():
        if row["status"] == "ok" and row["value"] is not None:
            points.setdefault(_name(row), []).append(row)
    one = len(law.predictors) == 1 and law.gap is None and not law.made_of
    shown = [name for name in curves if name in points] or list(curves)[:1]
    style = chart.styles(shown)
    figure = go.Figure()
    for name in shown:
        theta = np.array([curves[name].get(parameter, np.nan) for parameter in law.names], dtype=float)
        rows = points.get(name, [])
        if not rows or not np.isfinite(theta).all() or any(each not in rows[0] for each in law.predictors):
            continue
        scale = references[name] if law.reference else 1.0
        given = np.array([[row[each] for row in rows] for each in law.predictors], dtype=float) / scale
        value = np.array([row["value"] for row in rows])
        color = style[name].colour
        if one:
            grid = np.geomspace(given[0].min(), given[0].max(), POINTS)
            curve = law.value(theta[:, None], grid[None])
            figure.add_scatter(
                x=given[0] * scale, y=value, mode="markers", name=name, marker={"color": color}
            )
            figure.add_scatter(
                x=grid * scale, y=curve, mode="lines", line={"color": color}, showlegend=False, name=name
            )
        else:
            fitted = law.value(theta[:, None], given)
            figure.add_scatter(x=fitted, y=value, mode="markers", name=name, marker={"color": color})
    axes = (x, "measured") if one else ("fitted", "measured")
    figure.update_layout(
        title={"text": title},
        template="simple_white",
        xaxis={"title": {"text": axes[0]}, "type": "log"},
        yaxis={"title": {"text": axes[1]}, "type": "log"},
        showlegend=len(shown) > 1,
    )
    return figure


def _name(row: dict[str, Any]) -> str:
    """What a curve is called."""
    return " · ".join(str(row[key]) for key in ("corpus", "group") if row.get(key) is not None)
