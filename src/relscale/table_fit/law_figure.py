"""The figure of a law fitted to a table: its curve through the points, or measured over fitted values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa
from numpy.typing import NDArray

from relscale.figures import chart
from relscale.figures.as_text import as_text
from relscale.fitting.estimation.law_points import PointRow, numbers_of, point_rows
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.keys import FamilyKey
from relscale.laws.law import Array, Law
from relscale.storage.rows import rows_of

Indices = NDArray[np.int64]

CURVE_POINTS = 200  # points per curve
WIDTH, HEIGHT = 520, 360  # pixels
EQUAL = chart.Style(chart.MEDIUM, dash="6px,4px", width=1.6)


@dataclass(frozen=True)
class Curve:
    """The measurements of a group and the law fitted to them.

    Attributes
    ----------
    name
        The group, and the corpus if there are several.
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
    """The curve of each group to which the law could be fitted."""
    several_corpora = len(measurements["corpus"].unique()) > 1
    fitted: dict[str, list[ParameterRow]] = {}
    for parameter in rows_of(ParameterRow, fits):
        fitted.setdefault(_name(parameter, parameter.group, several_corpora), []).append(parameter)
    rows = point_rows(measurements)
    points: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if row.is_trusted and row.value is not None:
            points.setdefault(_name(row, row.group, several_corpora), []).append(i)
    if any(each not in measurements.column_names for each in law.predictors):
        return []
    x = np.stack([numbers_of(measurements, each) for each in law.predictors])
    y = numbers_of(measurements, "value")
    has_line = len(law.predictors) == 1 and not law.source_columns
    curves = []
    for name in [name for name in fitted if name in points] or list(fitted)[:1]:
        last, values = fitted[name][-1], {row.parameter: row.value for row in fitted[name]}
        theta = np.array([values.get(parameter) for parameter in law.names], dtype=float)
        rows_of_group, measured = np.array(points.get(name, []), dtype=int), y[points.get(name, [])]
        if law.gap is not None:
            base = points.get(_name(last, last.baseline, several_corpora), [])
            rows_of_group, measured = _gap_values(rows_of_group, np.array(base, dtype=int), rows, x, y, law)
        if not len(rows_of_group) or not np.isfinite(theta).all():
            continue
        scale = (last.reference_flops or 1.0) if law.reference else 1.0
        predictors = x[:, rows_of_group] / scale
        if has_line:
            grid = np.geomspace(predictors[0].min(), predictors[0].max(), CURVE_POINTS)
            line = ((grid * scale).tolist(), law.value(theta[:, None], grid[None]).tolist())
            curves.append(Curve(name, (predictors[0] * scale).tolist(), measured.tolist(), line))
        else:
            curves.append(
                Curve(name, law.value(theta[:, None], predictors).tolist(), measured.tolist(), None)
            )
    return curves


def law_figure(curves: Sequence[Curve], title: str, x: str, y: str) -> go.Figure:
    """Draw a law of one predictor as curves over it, and a law of several as measured over fitted values."""
    title, x, y = as_text(title), as_text(x), as_text(y)
    if not curves:
        return chart.empty(title, "No group has all parameters of the law.")
    has_line = any(curve.line is not None for curve in curves)
    lines = [curve.line for curve in curves if curve.line]
    across = [value for curve in curves for value in curve.x]
    up = [value for curve in curves for value in curve.y] + [value for _, ys in lines for value in ys]
    panels = chart.grid(title, 1, 1, width=WIDTH, height=HEIGHT)
    panel, styles = panels.panel(0, 0), chart.styles([as_text(curve.name) for curve in curves])
    y_axis = (chart.log_axis if min(up) > 0 else chart.linear_axis)(up, y)
    panel.axes(chart.size_axis(across, x if has_line else f"{y}, fitted", WIDTH), y_axis)
    for curve, (name, style) in zip(curves, styles.items(), strict=True):
        hover = f"{name}<br>%{{x}}<br>%{{y}}"
        if curve.line:
            panel.line(*curve.line, style, name=name, group=name)
        panel.points(curve.x, curve.y, style, hover=hover, name=name, group=name)
    keys = [chart.Key(name, style, group=name) for name, style in styles.items()] if len(curves) > 1 else []
    if not has_line:
        ends = [min(across), max(across)]
        panel.line(ends, ends, EQUAL)
        keys.append(chart.Key("measured = fitted", EQUAL, "lines"))
    panels.key(keys)
    return panels.figure


def _gap_values(
    rows_of_group: Indices, base: Indices, rows: Sequence[PointRow], x: Array, y: Array, law: Law
) -> tuple[Indices, Array]:
    """The points that the baseline has too, and their gaps to it."""
    of_baseline = {(rows[i].run, *x[:, i]): y[i] for i in base}
    paired = [(i, of_baseline[key]) for i in rows_of_group if (key := (rows[i].run, *x[:, i])) in of_baseline]
    paired_rows, error = np.array([i for i, _ in paired], dtype=int), np.array([error for _, error in paired])
    return paired_rows, y[paired_rows] / error if law.gap == "ratio" else y[paired_rows] - error


def _name(key: FamilyKey, group: str | None, several_corpora: bool) -> str:
    """The name of a curve: its group, and its corpus if there are several."""
    return " · ".join(
        name for name in ((key.corpus, group) if several_corpora else (group,)) if name is not None
    )
