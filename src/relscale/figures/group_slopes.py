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
from relscale.figures.data import FigureData, FittedParameter, Suite
from relscale.figures.select import ABOUT, ends, widest
from relscale.fitting.inference.estimand import Estimand

MOST_LABELLED = 8  # groups that have room for a label each; more have a legend
SLOPES = (("power", "beta"), ("relative", "delta_beta"))


class Words(NamedTuple):
    """Labels of a figure for its covariate.

    Attributes
    ----------
    title, axis
        Of the figure, and of the number's axis with its unit.
    hover
        Hover text of the covariate, such as ``%{x}% of training tokens``.
    known, logged
        After "a group with" and "slope with": "a known share", "log share".
    notes
        Footnotes.
    """

    title: str
    axis: str
    hover: str
    known: str
    logged: str
    notes: tuple[str, ...] = ()


def draw_slopes(
    data: FigureData,
    suite: Suite,
    known_of: Mapping[str, Mapping[str, float]],
    words: Words,
    estimand: Estimand | None = None,
) -> go.Figure:
    """Draw the slopes of a suite's groups against a covariate.

    Parameters
    ----------
    known_of
        Positive covariate of groups, by label of the series; other groups are excluded.
    words
        Labels of the figure.
    estimand
        The interval to show; by default the widest available.
    """
    title = f"{words.title}: {suite.title}"
    panels = chart.grid(title, 2, len(data.series), height=290, gap_x=84, lines=1)
    slopes = {}
    for series in data.series:
        for law, parameter in SLOPES:
            rows = data.law_rows(**series.key, **suite.key, law=law, parameter=parameter)
            rows = [row for row in rows if known(row.value) and known_of[series.label].get(str(row.group))]
            rows = [row for row in rows if estimand in (None, row.estimand)]
            of_group = {row.group: row for row in widest(rows)}
            slopes[series.label, law] = [of_group[group] for group in suite.labels if group in of_group]
    numbers = [known_of[label][str(row.group)] for (label, _), rows in slopes.items() for row in rows]
    x = chart.log_axis(numbers, words.axis, pad=0.32 if len(suite.labels) <= MOST_LABELLED else 0.1)
    style = {
        group: replace(mark, size=10) for group, mark in chart.styles(suite.labels, suite.baseline).items()
    }
    for row, (law, _) in enumerate(SLOPES):
        for column, series in enumerate(data.series):
            panel, drawn = panels.panel(row, column), slopes[series.label, law]
            name = f"Δβ against {suite.baseline_label}" if row else "β, error ∝ F<sup>−β</sup>"
            panel.axes(x, chart.linear_axis(ends(drawn), name, pad=0.16, zero=bool(row)))
            share = {str(slope.group): known_of[series.label][str(slope.group)] for slope in drawn}
            panel.heading(
                series.label,
                correlation_words(list(share.values()), [number(slope.value) for slope in drawn]),
            )
            if row:
                panel.reference_line(0.0)
            panel.message("" if drawn else f"no law of a group with {words.known}")
            _draw_slopes(panel, suite, share, drawn, style, words.hover)
    if len(suite.labels) > MOST_LABELLED:
        panels.key(
            [chart.Key(label, style[group], "markers", group) for group, label in suite.labels.items()]
        )
    bars = {
        (number(row.level), str(row.estimand)) for rows in slopes.values() for row in rows if known(row.low)
    }
    panels.notes(
        *(f"Bars: {level:.0%} interval for {ABOUT[about]}." for level, about in sorted(bars)),
        f"Correlations are of the slope with {words.logged}. The groups are few and not a random sample, so "
        "this is descriptive only.",
        *words.notes,
    )
    return panels.figure


def _draw_slopes(
    panel: chart.Panel,
    suite: Suite,
    share: Mapping[str, float],
    slopes: Sequence[FittedParameter],
    style: Mapping[str, chart.Style],
    hover: str,
) -> None:
    points = [
        (str(slope.group), share[str(slope.group)], number(slope.value), slope.low, slope.high)
        for slope in slopes
    ]
    for group, x, y, low, high in points:
        panel.points(
            [x],
            [y],
            replace(style[group], width=1.5),
            low=[low],
            high=[high],
            hover=f"{suite.labels[group]}: {hover}<br>slope %{{y}}",
            group=group,
        )
    if len(suite.labels) <= MOST_LABELLED:
        panel.point_labels(
            [(x, y, low, high) for _, x, y, low, high in points],
            [suite.labels[group] for group, *_ in points],
        )
