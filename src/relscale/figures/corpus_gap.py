"""The relative law between corpora, or optimizers: what the same compute buys on each, and whether that lasts.

Top: validation loss along each frontier, and the same relative to the corpus that the others are compared with.
Below: for every suite, Δβ of each group between the same two corpora, as a forest plot.
"""

from dataclasses import replace
from typing import Any

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.grid import Grid
from relscale.figures.chart.numbers import estimate, known
from relscale.figures.curves import MOST_STYLED, Curve, curve_notes, draw_curves
from relscale.figures.data import FigureData, Row, Series, distinct
from relscale.figures.law_lines import law_line
from relscale.figures.select import LOSS, of, series_in, widest

TITLE = "Relative laws between corpora"
ROW = 24  # pixels for a group of a forest plot
LOSSES = 290
COLUMNS = 2


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw all that is compared; it has no options."""
    contrast = next(
        (by for by in ("corpus", "optimizer") if data.rows("gaps", contrast=by, status="ok")), None
    )
    if contrast is None:
        return chart.empty(
            TITLE, "This experiment compares no corpora with each other (fit.contrasts names none)."
        )
    gaps = data.rows("gaps", contrast=contrast, status="ok")
    losses = data.rows("gaps", contrast=contrast, status="ok", **LOSS)
    suites = [data.suite(name) for name in data.suite_names() if any(row.suite == name for row in gaps)]
    forests = []
    for suite in suites:
        slopes = data.law_rows(contrast, **suite.key, law="relative", parameter="delta_beta")
        slopes = [row for row in slopes if row.contrast == contrast and known(row.value)]
        for series in series_in(data, gaps) if len(suite.labels) <= MOST_STYLED else ():
            chosen = {row.group: row for row in widest(of(series, slopes)) if row.group in suite.labels}
            if chosen:
                rows = [chosen[group] for group in suite.labels if group in chosen]
                forests.append((suite, series, rows))
    blocks = [forests[i : i + COLUMNS] for i in range(0, len(forests), COLUMNS)]
    heights = [ROW * max(len(rows) for _, _, rows in block) + 12 for block in blocks]
    longest = max(
        (chart.text_width(label) for suite, *_ in forests for label in suite.labels.values()), default=0
    )
    panels = chart.grid(
        TITLE if contrast == "corpus" else TITLE.replace("corpora", "optimizers"),
        len(blocks) + bool(losses),
        COLUMNS,
        width=380,
        height=[LOSSES] * bool(losses) + heights,
        left=max(84, int(longest) + 34),
        gap_x=max(96, int(longest) + 40),
        gap_y=chart.HEADING + 3 * chart.LINE + 50,
        top=chart.HEADING + chart.LINE * (len(series_in(data, gaps)) + 1),
    )
    style, notes = _draw_losses(panels, data, contrast, losses) if losses else ({}, [])
    for i, (suite, series, rows) in enumerate(forests):
        panel = panels.panel(i // COLUMNS + bool(losses), i % COLUMNS)
        shown = [end for row in rows for end in (row.value, row.low, row.high)]
        names = chart.names_axis([suite.labels[row.group] for row in rows])
        panel.axes(chart.linear_axis([end for end in shown if known(end)], "Δβ", most=6, zero=True), names)
        panel.heading(suite.title, f"{series.label} against {rows[0].baseline}")
        for y, row in enumerate(rows):
            mark = replace(chart.direction_style(row.direction), size=11, width=2.6)
            hover = f"Δβ = {estimate(row.value, row.low, row.high)}<br>{row.estimand}"
            panel.forest_mark(y, row.value, row.low, row.high, mark, hover)
    keys = [chart.Key(label, mark, group=label) for label, mark in style.items()]
    if forests:
        keys += [chart.Key(words, mark, "markers") for mark, words in chart.DIRECTIONS.values()]
    panels.key(keys)
    fits = [row for row in data.law_rows(contrast, parameter="delta_beta") if row.contrast == contrast]
    statuses = distinct(row.reason for row in fits if row.status != "ok")[:4]
    panels.notes(
        *notes,
        f"G is the error on one {contrast} over that on the other, at matched compute; Δβ < 0 where G falls.",
        *(f"{status}." for status in statuses),
    )
    return panels.figure


def _draw_losses(
    panels: Grid, data: FigureData, contrast: str, losses: list[Row]
) -> tuple[dict[str, chart.Style], list[str]]:
    """The validation loss of every corpus, and its ratio to that of the baseline; returns their styles, and notes."""
    baseline = losses[0].baseline
    compared = {(row.corpus, row.optimizer) for row in losses}
    compared |= {
        (row.baseline, row.optimizer) if contrast == "corpus" else (row.corpus, row.baseline)
        for row in losses
    }
    every = [series for series in data.series if (series.corpus, series.optimizer) in compared]

    def name(series: Series) -> str:
        return f"{series.label} (baseline)" if getattr(series, contrast) == baseline else series.label

    first = next((name(series) for series in every if getattr(series, contrast) == baseline), None)
    style = chart.styles([name(series) for series in every], first)
    drawn = []
    for column, (table, law, value, title, heading) in enumerate(
        (
            ("errors", "power", "value", "validation loss (nats per token)", "Validation loss"),
            (
                *("gaps", "relative", "ratio"),
                *(f"loss relative to {baseline} (ratio)", f"Relative to {baseline}"),
            ),
        )
    ):
        curves = []
        for series in every:
            where = {**series.key, **LOSS} | ({"contrast": contrast} if column else {})
            points = data.rows(table, **where, status="ok")
            if points:
                fits = data.law_rows(contrast, **series.key, **LOSS, law=law)
                fits = [row for row in fits if row.contrast == (contrast if column else row.contrast)]
                flops = [point.training_flops for point in points]
                values = [getattr(point, value) for point in points]
                curves.append(Curve(name(series), name(series), flops, values, law_line(fits, flops)))
        panel = panels.panel(0, column)
        y = [value for curve in curves for value in curve.shown_values] + [1.0] * column
        panel.axes(
            chart.compute_axis([row.training_flops for row in losses], panels.width), chart.log_axis(y, title)
        )
        panel.heading(heading, *(f"{one.label}: {one.line.words()}" for one in curves if one.line))
        if column:
            panel.reference_line(1.0)
        if not curves:
            panel.message("no loss could be read off the frontier")
        draw_curves(panel, curves, style)
        drawn.append(curves)
    return style, curve_notes(drawn)
