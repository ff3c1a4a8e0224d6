"""A suite's traditional laws over its relative laws (the paper's Figures 4, 5 and 6).

Top: each group's error E(F) along the compute-optimal frontier. Bottom: its error relative to the baseline, G(F).
A column is a corpus.
"""

from typing import Any

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.data import FigureData, Suite
from relscale.figures.law_lines import MOST_STYLED, Shown, add_laws, add_many_laws, many_keys
from relscale.figures.panels import (
    Panels,
    empty,
    footnotes,
    heading,
    legend_right,
    level_line,
    note_in_panel,
    panels,
    set_axes,
    share_titles,
)

PER_SUITE = True


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw the suite that ``options["suite"]`` names; ``metric``, ``prompt`` and ``estimand`` may be chosen too.

    ``x`` is what the table calls its measure of scale, where that is another than training compute.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of that name.
    """
    suite = data.one_suite("relative-law", options)
    if not data.rows("errors", **suite.key, status="ok"):
        return empty(suite.title, f"No error of the suite {suite.name!r} could be read off the frontier.")
    every = data.series_of(suite)
    many = len(suite.labels) > MOST_STYLED
    size = {"width": 480, "height": 360} if many else {}
    grid = panels(suite.title, 2, len(every), **size, gap_y=40)
    styles = theme.styles(list(suite.labels), suite.baseline)
    shown = {"errors": Shown(), "gaps": Shown()}
    unit = options.get("x", "FLOPs")
    for row, table in enumerate(shown):
        for column, series in enumerate(every):
            if many:
                shown[table] += add_many_laws(grid, row, column, data, series, suite, table, unit)
            else:
                estimand = options.get("estimand")
                shown[table] += add_laws(
                    grid, row, column, data, series, suite, styles, table, estimand, unit
                )
    flops = shown["errors"].flops + shown["gaps"].flops
    x = theme.compute_axis(flops, grid.width, options.get("x", theme.COMPUTE))
    error = theme.log_axis(shown["errors"].values, suite.metric_title)
    ratio = theme.log_axis([*shown["gaps"].values, 1.0], f"error relative to {suite.baseline_label} (ratio)")
    for column, series in enumerate(every):
        set_axes(grid, 0, column, x, error)
        set_axes(grid, 1, column, x, ratio)
        heading(grid, 0, column, series.label)
        level_line(grid, 1, column, 1.0)
        if not shown["gaps"].values:
            note_in_panel(grid, 1, column, "no group to compare with a baseline")
    share_titles(grid)
    names = many_keys(grid, data, suite) if many else _names(grid, suite, styles)
    legend_right(grid, names)
    notes = (shown["errors"] + shown["gaps"]).notes()
    footnotes(grid, notes + data.left_out(suite, prompt=suite.prompt, metric=suite.metric))
    return grid.figure


def _names(grid: Panels, suite: Suite, styles: dict[str, theme.Style]) -> list[str]:
    """An entry of the legend for each group."""
    names = [
        f"{label} (baseline)" if group == suite.baseline else label for group, label in suite.labels.items()
    ]
    for group, name in zip(suite.labels, names, strict=True):
        grid.figure.add_trace(
            theme.legend_key(name, styles[group], legendgroup=f"{suite.name}/{group}", **grid.axes(0, 0))
        )
    return names
