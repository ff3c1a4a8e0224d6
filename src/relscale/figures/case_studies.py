"""Each group's error relative to its suite's baseline, along training compute (the paper's Figure 1).

One column per suite, one row per corpus.
"""

import plotly.graph_objects as go
from pydantic import Field

from relscale.experiments.section import Names
from relscale.figures import chart
from relscale.figures.chart.axes import COMPUTE
from relscale.figures.curve_notes import curve_notes
from relscale.figures.curves import curve_labels_width, curves_axis, draw_curves, group_curves, label_curves
from relscale.figures.data import FigureData
from relscale.figures.options import SeveralSuites
from relscale.fitting.inference.estimand import Estimand

TITLE = "Relative scaling laws"


class Options(SeveralSuites):
    """Options of the figure ``case-studies``."""

    corpora: Names = Field((), description="The corpora; all by default.")
    estimand: Estimand | None = Field(
        None, description="Estimand of the intervals; by default the most general one available."
    )


def draw(data: FigureData, options: Options) -> go.Figure:
    """Draw every suite for every corpus."""
    all_suites = data.shown_suites(options)
    suites = [suite for suite in all_suites if not suite.is_crowded and data.points("ratio", **suite.key)]
    measured = [data.series_of(suite) for suite in suites]
    all_series = [
        series for series in data.series if any(series in suite_series for suite_series in measured)
    ]
    all_series = [series for series in all_series if not options.corpora or series.corpus in options.corpora]
    if not suites or not all_series:
        return chart.empty(
            TITLE, "No suite has errors of at least two groups along the compute-optimal frontier."
        )
    if 2 * sum(map(len, measured)) < len(suites) * len(all_series):
        return chart.empty(
            TITLE, "The suites were measured on different corpora, so that few panels can be compared."
        )
    labels_width = max(curve_labels_width(suite, baseline=False) for suite in suites)
    panels = chart.grid(
        TITLE,
        len(all_series),
        len(suites),
        width=330 if len(suites) < 3 else 240,
        height=250,
        gap_x=78 + labels_width,
        right=24 + labels_width,
        lines=1,
    )
    drawn = []
    for column, suite in enumerate(suites):
        curves = [group_curves(data, series, suite, "ratio", options.estimand) for series in all_series]
        style = chart.styles(
            (f"{suite.name}/{group}" for group in suite.labels), f"{suite.name}/{suite.baseline}"
        )
        x = curves_axis(curves, panels.width, COMPUTE)
        values = [value for part in curves for curve in part for value in curve.shown_values]
        y = chart.log_axis([*values, 1.0], suite.ratio_title)
        for row, (series, part) in enumerate(zip(all_series, curves, strict=True)):
            panel = panels.panel(row, column)
            panel.axes(x, y)
            panel.heading(suite.title, series.label)
            panel.reference_line(1.0)
            draw_curves(panel, part, style)
            label_curves(panel, part, style, (suite.baseline_label, 1.0))
            if not part:
                panel.message("no error could be estimated along the frontier")
        drawn += curves
    crowded = [suite.title for suite in all_suites if suite.is_crowded]
    remarks = [f"Not shown, because of their many groups: {', '.join(crowded)}."] if crowded else []
    panels.notes(*curve_notes(drawn), *remarks)
    return panels.figure
