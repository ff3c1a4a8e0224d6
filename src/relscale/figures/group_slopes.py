"""Slopes of a suite's groups against a number that is known of each, on a log axis.

Top: β of each group's own law. Bottom: Δβ against the baseline. A column is a corpus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.numbers import decimals, known
from relscale.figures.data import FigureData, Row, Suite
from relscale.figures.select import ABOUT, ends, widest

MOST_LABELLED = 8  # groups that have room for a label each; more have a legend
FEWEST = 4  # groups that a correlation needs, and even then it only describes
SLOPES = (("power", "beta"), ("relative", "delta_beta"))


class Words(NamedTuple):
    """What a figure calls the number.

    Attributes
    ----------
    title, axis
        Of the figure, and of the number's axis with its unit.
    hover
        The number when a point is pointed at, such as ``%{x}% of training tokens``.
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
    options: Mapping[str, Any],
) -> go.Figure:
    """Draw the slopes of a suite's groups against what is known of them.

    Parameters
    ----------
    known_of
        The label of a series to a positive number for each of some groups; the others are left out.
    words
        What the figure, the number and its axis are called.
    options
        ``estimand`` chooses the interval.
    """
    title = f"{words.title}: {suite.title}"
    top = chart.HEADING + chart.LINE
    panels = chart.grid(title, 2, len(data.series), height=290, gap_y=60 + top, gap_x=84, top=top)
    slopes = {}
    for series in data.series:
        for law, parameter in SLOPES:
            rows = data.law_rows(**series.key, **suite.key, law=law, parameter=parameter)
            rows = [row for row in rows if known(row.value) and known_of[series.label].get(row.group)]
            rows = [row for row in rows if options.get("estimand") in (None, row.estimand)]
            chosen = {row.group: row for row in widest(rows)}
            slopes[series.label, law] = [chosen[group] for group in suite.labels if group in chosen]
    numbers = [known_of[label][row.group] for (label, _), rows in slopes.items() for row in rows]
    x = chart.log_axis(numbers, words.axis, pad=0.32 if len(suite.labels) <= MOST_LABELLED else 0.1)
    style = {
        group: replace(one, size=10) for group, one in chart.styles(suite.labels, suite.baseline).items()
    }
    for (row, (law, _)), (column, series) in (
        (row, column) for row in enumerate(SLOPES) for column in enumerate(data.series)
    ):
        panel, found = panels.panel(row, column), slopes[series.label, law]
        name = f"Δβ against {suite.baseline_label}" if row else "β, error ∝ F<sup>−β</sup>"
        panel.axes(x, chart.linear_axis(ends(found), name, pad=0.16, zero=bool(row)))
        share = [known_of[series.label][slope.group] for slope in found]
        panel.heading(series.label, _correlation(share, [slope.value for slope in found]))
        if row:
            panel.reference_line(0.0)
        if not found:
            panel.message(f"no law was fitted to a group with {words.known}")
        for at, slope in zip(share, found, strict=True):
            _draw_slope(panel, at, slope, style[slope.group], suite.labels[slope.group], words.hover)
        if len(suite.labels) <= MOST_LABELLED:
            points = [
                (
                    at,
                    slope.value,
                    *((slope.low, slope.high) if known(slope.low, slope.high) else (None, None)),
                )
                for at, slope in zip(share, found, strict=True)
            ]
            panel.point_labels(points, [suite.labels[slope.group] for slope in found])
    if len(suite.labels) > MOST_LABELLED:
        panels.key(
            [chart.Key(label, style[group], "markers", group) for group, label in suite.labels.items()]
        )
    bars = {(row.level, row.estimand) for rows in slopes.values() for row in rows if known(row.low)}
    panels.notes(
        *(f"Bars: {level:.0%} interval for {ABOUT[estimand]}." for level, estimand in sorted(bars)),
        f"Correlations are of the slope with {words.logged}. The groups are few and no random sample, so this is "
        "descriptive only.",
        *words.notes,
    )
    return panels.figure


def _draw_slope(
    panel: chart.Panel, at: float, slope: Row, style: chart.Style, label: str, hover: str
) -> None:
    bounded = known(slope.low, slope.high)
    panel.points(
        [at],
        [slope.value],
        replace(style, width=1.5),
        low=[slope.low] if bounded else None,
        high=[slope.high] if bounded else None,
        hover=f"{label}: {hover}<br>slope %{{y}}",
        group=slope.group,
    )


def _correlation(numbers: Sequence[float], slopes: Sequence[float]) -> str:
    if len(slopes) < FEWEST:
        return f"{len(slopes)} groups: too few to correlate"
    x, y = np.log(numbers), np.array(slopes)
    pearson, spearman = correlation(x, y), correlation(ranks(x), ranks(y))
    return f"{len(slopes)} groups: Pearson {_signed(pearson)}, rank correlation {_signed(spearman)}"


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's r; nan where either does not vary."""
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else float("nan")


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0; equal values share the mean of theirs."""
    below = (values[None, :] < values[:, None]).sum(axis=1)
    equal = (values[None, :] == values[:, None]).sum(axis=1)
    return np.asarray(below + (equal - 1) / 2, dtype=float)


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else ''}{decimals(value, 2)}" if np.isfinite(value) else "undefined"
