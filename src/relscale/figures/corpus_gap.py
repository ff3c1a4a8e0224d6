"""Relative laws between corpora, or optimizers: losses at the same compute, and their ratio along compute.

Top: validation loss along each frontier, and relative to the baseline corpus. Bottom: for each suite, Δβ of each group
between the same two corpora, as a forest plot.
"""

from dataclasses import replace

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.axes import COMPUTE
from relscale.figures.chart.numbers import estimate, number
from relscale.figures.contrast import ContrastForest, contrast_forests, contrast_losses
from relscale.figures.curve_notes import curve_notes
from relscale.figures.curves import curves_axis, draw_curves
from relscale.figures.data import FigureData
from relscale.figures.row_filter import LOSS
from relscale.figures.select import estimates_and_limits, reasons
from relscale.fitting.curves.point_rows import GapRow

TITLE = "Relative laws between corpora"
GROUP_HEIGHT, LOSS_HEIGHT = 24, 290  # pixels of a group of a forest plot, and of the panels of losses
ROW_GAP = 108  # pixels, for the title of an axis and a heading of two lines
COLUMNS = 2


def draw(data: FigureData) -> go.Figure:
    """Draw all contrasts between corpora or, without these, between optimizers."""
    contrasts = ("corpus", "optimizer")
    contrast = next((name for name in contrasts if data.rows(GapRow, contrast=name, status="ok")), None)
    if contrast is None:
        return chart.empty(
            TITLE, "No corpora are compared: fit.contrasts.corpus is not set, or no ratio was estimated."
        )
    losses = data.rows(GapRow, contrast=contrast, status="ok", **LOSS)
    forests = contrast_forests(data, contrast)
    blocks = [forests[i : i + COLUMNS] for i in range(0, len(forests), COLUMNS)]
    heights = [GROUP_HEIGHT * max(len(forest.rows) for forest in block) + 12 for block in blocks]
    names = [label for forest in forests for label in forest.names]
    shown = contrast_losses(data, contrast, str(losses[0].baseline)) if losses else None
    first = int(bool(losses))
    panels = chart.grid(
        TITLE if contrast == "corpus" else TITLE.replace("corpora", "optimizers"),
        len(blocks) + first,
        COLUMNS,
        width=380,
        height=[LOSS_HEIGHT] * first + heights,
        gap_y=ROW_GAP,
        gap_x=max(96, *(int(chart.text_width(name)) + 40 for name in names)) if names else 96,
        lines=len(shown.names) if shown else 1,
        names=names,
    )
    style = chart.styles(shown.names, shown.names[0]) if shown else {}
    if shown:
        baseline = losses[0].baseline
        x = curves_axis([shown.losses, shown.ratios], panels.width, COMPUTE)
        for column, part in enumerate([shown.losses, shown.ratios]):
            title = f"loss relative to {baseline} (ratio)" if column else "validation loss (nats per token)"
            y = [value for curve in part for value in curve.shown_values] + [1.0] * column
            panel = panels.panel(0, column)
            panel.axes(x, chart.log_axis(y, title))
            heading = f"Relative to {baseline}" if column else "Validation loss"
            panel.heading(heading, *(f"{curve.label}: {curve.line.words()}" for curve in part if curve.line))
            if column:
                panel.reference_line(1.0)
            panel.message("" if part else "no loss could be estimated along the frontier")
            draw_curves(panel, part, style)
    for i, forest in enumerate(forests):
        _draw_forest(panels.panel(i // COLUMNS + first, i % COLUMNS), forest)
    keys = [chart.Key(label, mark, group=label) for label, mark in style.items()]
    panels.key([*keys, *(chart.verdict_keys() if forests else [])])
    fits = [row for row in data.law_rows(contrast, parameter="delta_beta") if row.contrast == contrast]
    panels.notes(
        *(curve_notes([shown.losses, shown.ratios]) if shown else []),
        f"G is the error with one {contrast} divided by that with the baseline, at matched compute; Δβ is negative "
        "if G decreases. Verdicts use p-values adjusted over the groups of a suite; intervals are not adjusted.",
        *(f"{text}." for _, text in reasons(fits, lambda row: row.parameter)),
    )
    return panels.figure


def _draw_forest(panel: chart.Panel, forest: ContrastForest) -> None:
    """Draw Δβ of each group of a suite."""
    panel.axes(
        chart.linear_axis(estimates_and_limits(forest.rows), "Δβ", most=6, zero=True),
        chart.names_axis(forest.names),
    )
    panel.heading(forest.suite.title, f"{forest.series.label} against {forest.rows[0].baseline}")
    for position, row in enumerate(forest.rows):
        value = number(row.value)
        words = f"Δβ = {estimate(value, row.low, row.high)}<br>{row.estimand}"
        mark = replace(chart.verdict_style(row.verdict), dash="solid", width=2.6)
        panel.forest_mark(
            position, value, row.low, row.high, mark, f"{words}<br>{chart.verdict_words(row.verdict)}"
        )
