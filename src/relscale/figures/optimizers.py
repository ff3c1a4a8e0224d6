"""Comparison of optimizers: validation loss, and its ratio to the baseline at matched compute and at equal size."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.axes import COMPUTE
from relscale.figures.chart.numbers import number
from relscale.figures.curve_notes import curve_notes
from relscale.figures.curves import Curve, curves_axis, draw_curves
from relscale.figures.data import FigureData, Series, distinct
from relscale.figures.law_lines import law_line
from relscale.figures.row_filter import LOSS
from relscale.figures.select import series_rows
from relscale.fitting.curves.by_size import SizeRow
from relscale.fitting.curves.point_rows import ErrorRow, GapRow

TITLE = "Optimizers"
CONTRAST = "optimizer"
BY_SIZE = "relative_by_size"
Point = ErrorRow | GapRow | SizeRow


def draw(data: FigureData) -> go.Figure:
    """Draw three panels per corpus: loss and ratio along the frontier, and ratio by parameters."""
    gaps = data.rows(GapRow, contrast=CONTRAST, **LOSS, status="ok")
    sizes = data.rows(SizeRow, contrast=CONTRAST, **LOSS, status="ok")
    if not gaps:
        return chart.empty(
            TITLE,
            "No optimizers are compared: fit.contrasts.optimizer is not set, or no ratio was estimated.",
        )
    corpora, baseline = distinct(row.corpus for row in gaps), gaps[0].baseline
    optimizers = [series.optimizer for series in data.series if series.corpus in corpora]
    names = [str(name) for name in distinct([baseline, *optimizers])]
    style = chart.styles(names, baseline)
    panels = chart.grid(TITLE, len(corpora), 3, width=300, height=290, gap_x=92, lines=len(names) + 1)
    drawn = []
    for row, corpus in enumerate(corpora):
        all_series = [series for series in data.series if series.corpus == corpus]
        errors = [row for row in data.rows(ErrorRow, **LOSS, status="ok") if row.corpus == corpus]
        ratio = "loss relative to the baseline (ratio)"
        parts: list[tuple[Sequence[Point], str, str, str]] = [
            (errors, "power", f"{corpus}: validation loss", "validation loss (nats per token)"),
            (gaps, "relative", f"Loss relative to {baseline}, by compute", ratio),
            (sizes, BY_SIZE, f"Loss relative to {baseline}, by size", ratio),
        ]
        for column, (points, law, heading, title) in enumerate(parts):
            is_ratio, by_size = law != "power", law == BY_SIZE
            curves = _curves(data, all_series, points, law)
            panel = panels.panel(row, column)
            y = [value for curve in curves for value in curve.shown_values] + [1.0] * is_ratio
            x = curves_axis([curves], panels.width, "parameters" if by_size else COMPUTE)
            panel.axes(x, chart.log_axis(y, title))
            panel.heading(heading, *(_words(curve, by_size) for curve in curves))
            if is_ratio:
                panel.reference_line(1.0)
            draw_curves(panel, curves, style, unit="parameters" if by_size else "FLOPs")
            drawn.append(curves)
    panels.key(
        [
            chart.Key(f"{name} (baseline)" if name == baseline else name, style[name], group=name)
            for name in names
        ]
    )
    panels.notes(
        *curve_notes(drawn),
        "By compute: each optimizer at its compute-optimal size. By size: all pairs of runs with equal "
        "parameters and tokens.",
    )
    return panels.figure


def _curves(data: FigureData, all_series: Sequence[Series], rows: Sequence[Point], law: str) -> list[Curve]:
    """One curve per optimizer with rows: the loss, or its ratio, with this law."""
    curves = []
    for series in all_series:
        points = series_rows(series, rows)
        if not points:
            continue
        fits = data.law_rows(CONTRAST, **series.key, **LOSS, law=law)
        fits = [fit for fit in fits if law == "power" or fit.contrast == CONTRAST]
        x, y = map(list, zip(*map(_point, points), strict=True))
        reference = (
            float(np.exp(np.log(x).mean())) if law == BY_SIZE else None
        )  # geometric mean of parameters
        line = law_line(fits, x, reference=reference)
        name = str(series.optimizer)
        curves.append(Curve(name, name, x, y, line))
    return curves


def _point(row: Point) -> tuple[float, float]:
    """The predictor and the value of a row."""
    if isinstance(row, ErrorRow):
        return number(row.training_flops), number(row.value)
    return number(row.params if isinstance(row, SizeRow) else row.training_flops), number(row.ratio)


def _words(curve: Curve, by_size: bool) -> str:
    if curve.line is None:
        return f"{curve.label}: {len(curve.flops)} points, too few for a line"
    return f"{curve.label}: {curve.line.words('exponent' if by_size else '')}"
