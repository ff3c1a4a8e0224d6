"""The effect of the prompt form on a suite (the paper's Figure 3).

Left: R² of the suite's error, and of accuracy, on log compute along the frontier, by prompt form. Right: accuracy gain
of each form over the reference form, over compute. One row per corpus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import estimate, known, number
from relscale.figures.data import FigureData
from relscale.figures.groups import group_keys, group_styles
from relscale.figures.options import OneSuite
from relscale.figures.prompt_form_rows import prompt_form_rows
from relscale.figures.prompt_gains import draw_gains
from relscale.figures.select import estimates_and_limits, series_present, series_rows
from relscale.figures.suite import MOST_STYLED, Suite
from relscale.fitting.analyses.prompt_forms import PromptFormRow
from relscale.measurements.metric import Metric

PER_SUITE = True
LEAST_HEIGHT, GROUP_HEIGHT = 270, 13  # pixels of a panel, and of a group under a form
SPREAD = 0.72  # share of a form's height for its groups
MANY_GROUPS = chart.Style("#9a9a9a", width=1, opacity=0.6)
TICK = chart.Style("#9a9a9a", "line-ns", size=16, width=1.4)
MEDIAN = chart.Style(chart.INK, "diamond")
Styles = Mapping[str, chart.Style]


def draw(data: FigureData, options: OneSuite) -> go.Figure:
    """Draw one suite.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of this name.
    """
    suite = data.required_suite("prompt-forms", options)
    title = f"Prompt forms: {suite.title}"
    shown = prompt_form_rows(data, suite)
    if not shown.forms:
        return chart.empty(title, f"The suite {suite.name!r} was measured under a single prompt form.")
    all_series, reference = series_present(data, [*shown.shares, *shown.gains]), _words(shown.reference)
    panels = chart.grid(
        title,
        len(all_series),
        len(shown.metrics) + len(shown.others),
        width=250,
        height=max(LEAST_HEIGHT, GROUP_HEIGHT * len(shown.forms) * min(len(suite.labels), MOST_STYLED)),
        gap_x=84,
        lines=1,
        names=map(_words, shown.forms),
    )
    style = group_styles(suite, MANY_GROUPS)
    for row, series in enumerate(all_series):
        for column, metric in enumerate(shown.metrics):
            shares = [share for share in series_rows(series, shown.shares) if share.metric == metric]
            values = (
                [number(share.value) for share in shares]
                if suite.is_crowded
                else estimates_and_limits(shares)
            )
            panel = panels.panel(row, column)
            names = chart.names_axis([_words(form) for form in shown.forms])
            panel.axes(chart.linear_axis(values, "R² on log compute", most=5), names)
            panel.heading(series.label, Metric.parse(metric).title)
            _draw_shares(panel, shares, shown.forms, suite, style)
        gains = [*estimates_and_limits(series_rows(series, shown.gains)), 0.0]
        y = chart.linear_axis(gains, f"accuracy gain over {reference} (share)", most=7)
        for column, form in enumerate(shown.others, start=len(shown.metrics)):
            panel = panels.panel(row, column)
            panel.heading(f"{_words(form)} − {reference}", series.label)
            draw_gains(panel, *shown.gains_of(series, form), suite, style, y)
    panels.share_names()
    median_key = [chart.Key("median over groups", MEDIAN)] * suite.is_crowded
    panels.key([*group_keys(suite, style, "lines" if suite.is_crowded else "lines+markers"), *median_key])
    panels.notes(*shown.notes, *data.exclusion_notes(suite, metric=suite.metric))
    return panels.figure


def _words(form: str | None) -> str:
    return str(form or "default").replace("_", " ")


def _draw_shares(
    panel: chart.Panel,
    rows: Sequence[PromptFormRow],
    forms: Sequence[str | None],
    suite: Suite,
    style: Styles,
) -> None:
    """Draw R² of each group under each form, and the median of many groups."""
    rows = [row for row in rows if known(row.value)]
    panel.message("" if rows else "too few points for a line")
    for position, form in enumerate(forms):
        by_group = {str(row.group): row for row in rows if row.prompt == form}
        groups = [group for group in suite.labels if group in by_group]
        for k, group in enumerate(groups):
            row = by_group[group]
            value = number(row.value)
            words = f"R² = {estimate(value, row.low, row.high)}, {row.n} points"
            hover = f"{suite.labels[group]}, {_words(form)}<br>{words}"
            if suite.is_crowded:
                panel.points([value], [position], TICK, hover=hover)
            else:
                y = position + SPREAD * ((k + 0.5) / len(groups) - 0.5)
                mark = replace(style[group], dash="solid")
                panel.forest_mark(y, value, row.low, row.high, mark, hover)
        if suite.is_crowded and groups:
            median_value = median(number(row.value) for row in by_group.values())
            panel.points([median_value], [position], replace(MEDIAN, size=12))
