"""Slopes of a suite's groups against a covariate, on a log axis.

Top: β of each group's law. Bottom: Δβ against the baseline. One column per corpus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import known, number
from relscale.figures.correlation import correlation_words
from relscale.figures.data import FigureData, FittedParameter, Series
from relscale.figures.select import ESTIMAND_WORDS, estimates_and_limits, most_general
from relscale.figures.suite import Suite
from relscale.fitting.inference.estimand import Estimand

MOST_LABELLED = 8  # groups with a label each; more have a legend
SLOPES = (("power", "beta"), ("relative", "delta_beta"))


class CovariateWords(NamedTuple):
    """Words of a figure for its covariate.

    Attributes
    ----------
    title, axis
        Title of the figure, and of the covariate's axis with its unit.
    hover
        Hover text of the covariate, such as ``%{x}% of training tokens``.
    no_groups
        Message of an empty panel: "no law of a group with a known share".
    log_name
        Name of the covariate's logarithm: "log share".
    """

    title: str
    axis: str
    hover: str
    no_groups: str
    log_name: str
    notes: tuple[str, ...] = ()


def draw_slopes(
    data: FigureData,
    suite: Suite,
    covariate: Mapping[str, Mapping[str, float]],
    words: CovariateWords,
    estimand: Estimand | None = None,
) -> go.Figure:
    """Draw the slopes of a suite's groups against a covariate.

    Parameters
    ----------
    covariate
        Positive values by label of the series and by group; groups without one are excluded.
    estimand
        Estimand of the intervals; by default the most general one available.
    """
    title = f"{words.title}: {suite.title}"
    panels = chart.grid(title, 2, len(data.series), height=290, gap_x=84, lines=1)
    slopes = {
        (series.label, law): _slopes(data, suite, series, (law, parameter), covariate[series.label], estimand)
        for series in data.series
        for law, parameter in SLOPES
    }
    values = [covariate[label][str(row.group)] for (label, _), rows in slopes.items() for row in rows]
    has_labels = len(suite.labels) <= MOST_LABELLED
    x = chart.log_axis(values, words.axis, pad=0.32 if has_labels else 0.1)
    style = {
        group: replace(mark, size=10) for group, mark in chart.styles(suite.labels, suite.baseline).items()
    }
    for row, (law, _) in enumerate(SLOPES):
        for column, series in enumerate(data.series):
            panel, drawn = panels.panel(row, column), slopes[series.label, law]
            name = f"Δβ against {suite.baseline_label}" if row else "β, error ∝ F<sup>−β</sup>"
            panel.axes(x, chart.linear_axis(estimates_and_limits(drawn), name, pad=0.16, zero=bool(row)))
            shown = [covariate[series.label][str(slope.group)] for slope in drawn]
            panel.heading(series.label, correlation_words(shown, [number(slope.value) for slope in drawn]))
            if row:
                panel.reference_line(0.0)
            panel.message("" if drawn else words.no_groups)
            _draw_slopes(panel, suite, shown, drawn, style, words.hover)
    if not has_labels:
        panels.key(
            [chart.Key(label, style[group], "markers", group) for group, label in suite.labels.items()]
        )
    bars = {
        (number(row.level), str(row.estimand)) for rows in slopes.values() for row in rows if known(row.low)
    }
    panels.notes(
        *(f"Bars: {level:.0%} interval for {ESTIMAND_WORDS[estimand]}." for level, estimand in sorted(bars)),
        f"Correlations are of the slope with {words.log_name}. The groups are few and not a random sample, so "
        "this is descriptive only.",
        *words.notes,
    )
    return panels.figure


def _slopes(
    data: FigureData,
    suite: Suite,
    series: Series,
    slope: tuple[str, str],
    covariate: Mapping[str, float],
    estimand: Estimand | None,
) -> list[FittedParameter]:
    """The fitted slopes of the groups with a covariate, in the order of the legend."""
    law, parameter = slope
    rows = data.law_rows(**series.key, **suite.key, law=law, parameter=parameter)
    rows = [row for row in rows if known(row.value) and covariate.get(str(row.group))]
    by_group = {
        row.group: row for row in most_general(row for row in rows if estimand in (None, row.estimand))
    }
    return [by_group[group] for group in suite.labels if group in by_group]


def _draw_slopes(
    panel: chart.Panel,
    suite: Suite,
    covariate: Sequence[float],
    slopes: Sequence[FittedParameter],
    style: Mapping[str, chart.Style],
    hover: str,
) -> None:
    for x, slope in zip(covariate, slopes, strict=True):
        group = str(slope.group)
        panel.points(
            [x],
            [slope.value],
            replace(style[group], width=1.5),
            low=[slope.low],
            high=[slope.high],
            hover=f"{suite.labels[group]}: {hover}<br>slope %{{y}}",
            group=group,
        )
    if len(suite.labels) <= MOST_LABELLED:
        points = [
            (x, number(slope.value), slope.low, slope.high)
            for x, slope in zip(covariate, slopes, strict=True)
        ]
        chart.point_labels(panel, points, [suite.labels[str(slope.group)] for slope in slopes])
