"""Each group's error along training compute, and relative to the baseline (the paper's Figures 4, 5 and 6).

Top: error E(F) of each group along the compute-optimal frontier. Bottom: error relative to the baseline, G(F). One
column per corpus.
"""

import plotly.graph_objects as go
from pydantic import Field

from relscale.experiments.section import Name
from relscale.figures import chart
from relscale.figures.chart.axes import COMPUTE
from relscale.figures.crowded_curves import crowded_keys, draw_crowded_curves
from relscale.figures.curve_notes import curve_notes
from relscale.figures.curves import curve_labels_width, curves_axis, draw_curves, group_curves, label_curves
from relscale.figures.data import FigureData, Quantity
from relscale.figures.options import OneSuiteInterval

PER_SUITE = True
CURVES: tuple[Quantity, ...] = ("error", "ratio")


class Options(OneSuiteInterval):
    """Options of the figure ``relative-law``."""

    x: Name | None = Field(None, description="The measure of scale; by default training compute.")


def draw(data: FigureData, options: Options) -> go.Figure:
    """Draw one suite.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of this name.
    """
    suite = data.required_suite("relative-law", options)
    title = f"Errors and ratios: {suite.title}"
    if not data.points("error", **suite.key):
        return chart.empty(
            title, f"No error of the suite {suite.name!r} could be estimated along the frontier."
        )
    unit, all_series = options.x or "FLOPs", data.series_of(suite)
    errors, gaps = (
        [group_curves(data, series, suite, curve, options.estimand) for series in all_series]
        for curve in CURVES
    )
    many = suite.is_crowded
    labels_width = 0 if many else curve_labels_width(suite)
    panels = chart.grid(
        title,
        2,
        len(all_series),
        width=480 if many else 350,
        height=360 if many else 300,
        gap_x=64 + labels_width,
        gap_y=40,
        right=24 + labels_width,
    )
    style = chart.styles(
        (f"{suite.name}/{group}" for group in suite.labels), f"{suite.name}/{suite.baseline}"
    )
    x = curves_axis([*errors, *gaps], panels.width, options.x or COMPUTE)
    for row, (curves, title) in enumerate(((errors, suite.metric_title), (gaps, suite.ratio_title))):
        level = [1.0] * row
        y = chart.log_axis(
            [*(v for part in curves for curve in part for v in curve.shown_values), *level], title
        )
        for column, part in enumerate(curves):
            panel = panels.panel(row, column)
            panel.axes(x, y)
            if row:
                panel.reference_line(1.0)
            else:
                panel.heading(all_series[column].label)
            if not any(curves):
                panel.message("no group to compare with a baseline")
            elif many:
                draw_crowded_curves(panel, part, f"{suite.name}/{suite.baseline}", unit=unit)
            else:
                draw_curves(panel, part, style, unit=unit)
                label_curves(panel, part, style, (suite.baseline_label, 1.0) if row else None)
    panels.share_titles()
    if many:
        panels.key(crowded_keys(data, suite, f"{suite.name}/{suite.baseline}"))
    else:
        shown = {curve.group: curve.label for part in [*errors, *gaps] for curve in part}
        keys = [chart.Key(label, style[group], group=group) for group, label in shown.items()]
        panels.key(keys, end_labels_width=labels_width)
    panels.notes(
        *curve_notes([*errors, *gaps]),
        *data.exclusion_notes(suite, prompt=suite.prompt, metric=suite.metric),
    )
    return panels.figure
