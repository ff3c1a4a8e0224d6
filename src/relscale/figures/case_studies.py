"""The case studies side by side: each group's error relative to its suite's baseline (the paper's Figure 1).

A column is a suite, a row a corpus.
"""

from typing import Any

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.data import FigureData
from relscale.figures.law_lines import MOST_STYLED, Shown, add_laws
from relscale.figures.panels import (
    HEADING,
    LINE,
    empty,
    footnotes,
    heading,
    legends_below,
    level_line,
    note_in_panel,
    panels,
    set_axes,
)

TITLE = "Relative scaling laws"


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw every suite for every corpus; ``suites`` and ``corpora`` (lists) choose some, ``estimand`` the band's."""
    every_suite = [data.suite(name, options) for name in options.get("suites") or data.suite_names()]
    suites = [
        suite
        for suite in every_suite
        if len(suite.labels) <= MOST_STYLED and data.gaps(**suite.key, status="ok")
    ]
    corpora = options.get("corpora")
    measured = [data.series_of(suite) for suite in suites]
    every = [series for series in data.series if any(series in own for own in measured)]
    every = [series for series in every if not corpora or series.corpus in corpora]
    if not suites or not every:
        return empty(
            TITLE, "No suite has errors of two groups to compare along the compute-optimal frontier."
        )
    if 2 * sum(map(len, measured)) < len(suites) * len(every):
        return empty(
            TITLE, "The suites were measured on different corpora, so that few of them stand side by side."
        )
    wide = 330 if len(suites) < 3 else 240
    grid = panels(
        TITLE,
        len(every),
        len(suites),
        width=wide,
        height=250,
        gap_x=78,
        gap_y=106 if len(every) > 1 else 0,
        top=HEADING + LINE,
    )
    flops = [row["training_flops"] for row in data.gaps(status="ok")]
    entries = []
    total = Shown()
    for column, suite in enumerate(suites):
        styles = theme.styles(list(suite.labels), suite.baseline)
        shown = [
            add_laws(grid, row, column, data, series, suite, styles, "gaps", options.get("estimand"))
            for row, series in enumerate(every)
        ]
        values = [value for one in shown for value in one.values]
        y = theme.log_axis([*values, 1.0], f"error relative to {suite.baseline_label} (ratio)")
        for row, series in enumerate(every):
            set_axes(grid, row, column, theme.compute_axis(flops, wide), y)
            heading(grid, row, column, suite.title, series.label)
            level_line(grid, row, column, 1.0)
            if not shown[row].values:
                note_in_panel(grid, row, column, "no error could be read off the frontier")
        entries.append([label for group, label in suite.labels.items() if group != suite.baseline])
        total = sum(shown, total)
    names = legends_below(grid, [["", *labels] for labels in entries])
    for column, suite in enumerate(suites):
        styles = theme.styles(list(suite.labels), suite.baseline)
        where = {**grid.axes(0, column), "legend": names[column]}
        baseline = theme.Style(theme.INK, "circle", "solid")
        grid.figure.add_trace(
            theme.legend_key(f"{suite.baseline_label} (baseline)", baseline, mode="lines", **where)
        )
        for group, label in suite.labels.items():
            if group != suite.baseline:
                key = f"{suite.name}/{group}"
                grid.figure.add_trace(theme.legend_key(label, styles[group], legendgroup=key, **where))
    crowded = [suite.title for suite in every_suite if len(suite.labels) > MOST_STYLED]
    left_out = [f"Left out for their many groups: {', '.join(crowded)}."] if crowded else []
    footnotes(grid, total.notes() + left_out)
    return grid.figure
