"""Slopes of a suite's groups against a number that is known of each, on a log axis.

Top: β of each group's own law. Bottom: Δβ against the baseline. A column is a corpus.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.data import FigureData, Row, Series, Suite
from relscale.figures.labels import Mark, annotation, place_labels
from relscale.figures.law_lines import ABOUT, ESTIMANDS, known
from relscale.figures.panels import (
    HEADING,
    LINE,
    Panels,
    footnotes,
    heading,
    legend_right,
    level_line,
    note_in_panel,
    panels,
    set_axes,
)

MOST_LABELLED = 8  # groups that have room for a label each; more have a legend
FEWEST = 4  # groups that a correlation needs, and even then it only describes
SLOPES = (
    ("power_law", "beta", "β, error ∝ F<sup>−β</sup> (no unit)"),
    ("relative_power_law", "delta_beta", "Δβ (no unit)"),
)


class Words(NamedTuple):
    """How a figure calls the number.

    Attributes
    ----------
    title, axis
        Of the figure, and of the number's axis with its unit.
    hover
        The number in a box under the pointer, such as ``%{x:.2f}% of training tokens``.
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
        How the figure, the number and its axis are called.
    options
        ``estimand`` chooses the interval.
    """
    grid = panels(
        f"{words.title}: {suite.title}",
        2,
        len(data.series),
        height=290,
        gap_y=84 + LINE,
        gap_x=84,
        top=HEADING + LINE,
    )
    points = {
        (series.label, law): _points(data, series, suite, law, parameter, known_of[series.label], options)
        for series in data.series
        for law, parameter, _ in SLOPES
    }
    x = theme.log_axis([point["x"] for told in points.values() for point in told], words.axis, pad=0.32)
    styles = theme.styles(list(suite.labels), suite.baseline)
    for row, (law, _, title) in enumerate(SLOPES):
        for column, series in enumerate(data.series):
            told = points[series.label, law]
            ends = [point[end] for point in told for end in ("value", "low", "high") if known(point[end])]
            y = theme.linear_axis(ends, _title(suite, law, title), pad=0.16, zero=law == "relative_power_law")
            set_axes(grid, row, column, x, y)
            heading(grid, row, column, series.label, _correlation(told))
            if law == "relative_power_law":
                level_line(grid, row, column, 0.0)
            if told:
                _draw_panel(grid, row, column, told, suite, styles, x["range"], y["range"], words.hover)
            else:
                note_in_panel(grid, row, column, f"no law was fitted to a group with {words.known}")
    intervals = {
        (point["level"], point["estimand"])
        for told in points.values()
        for point in told
        if known(point["low"])
    }
    notes = [f"Bars: {level:.0%} interval for {ABOUT[estimand]}." for level, estimand in sorted(intervals)]
    notes.append(
        f"Correlations, of slope with {words.logged}, describe these groups; groups are few and were not drawn at "
        "random, so they test nothing."
    )
    notes += words.notes
    if len(suite.labels) > MOST_LABELLED:
        for group, label in suite.labels.items():
            key = theme.legend_key(label, styles[group], mode="markers", legendgroup=group, **grid.axes(0, 0))
            grid.figure.add_trace(key)
        legend_right(grid, list(suite.labels.values()))
    footnotes(grid, notes)
    return grid.figure


def _title(suite: Suite, law: str, title: str) -> str:
    return f"Δβ against {suite.baseline_label} (no unit)" if law == "relative_power_law" else title


def _points(
    data: FigureData,
    series: Series,
    suite: Suite,
    law: str,
    parameter: str,
    known_of: Mapping[str, float],
    options: Mapping[str, Any],
) -> list[Row]:
    """The slopes of the groups with a known number, each with the interval of the widest estimand that has one."""
    found = []
    for group in suite.labels:
        if not known_of.get(group):
            continue
        rows = data.law_rows(**series.key, **suite.key, group=group, law=law, parameter=parameter)
        rows = [row for row in rows if known(row["value"]) and row["estimand"] in ESTIMANDS]
        if options.get("estimand"):
            rows = [row for row in rows if row["estimand"] == options["estimand"]]
        rows.sort(key=lambda row: (not known(row["low"], row["high"]), ESTIMANDS.index(row["estimand"])))
        found += [row | {"x": known_of[group]} for row in rows[:1]]
    return found


def _draw_panel(
    grid: Panels,
    row: int,
    column: int,
    points: Sequence[Row],
    suite: Suite,
    styles: dict[str, theme.Style],
    x_range: Sequence[float],
    y_range: Sequence[float],
    hover: str,
) -> None:
    axes = grid.axes(row, column)
    width, height = grid.width, grid.heights[row]

    def across(x: float) -> float:
        return (float(np.log10(x)) - x_range[0]) / (x_range[1] - x_range[0]) * width

    def down(value: float) -> float:
        return (y_range[1] - value) / (y_range[1] - y_range[0]) * height

    marks = []
    for point in points:
        y = down(point["value"])
        ends = (down(point["high"]), down(point["low"])) if known(point["low"], point["high"]) else (y, y)
        marks.append(Mark(across(point["x"]), y, *ends))
    level = [(0.0, down(0) - 2, width, down(0) + 2)] if y_range[0] < 0 < y_range[1] else []
    labels = [suite.labels[point["group"]] for point in points]
    places = place_labels(marks, labels, width, height, level)
    for point, label, place in zip(points, labels, places, strict=True):
        if len(suite.labels) <= MOST_LABELLED:
            y = point[{"point": "value", "top": "high", "bottom": "low"}[place.at]]
            at = (float(np.log10(point["x"])), point["value"] if y is None else y)
            where = {"xref": axes["xaxis"], "yref": axes["yaxis"]}
            grid.figure.add_annotation(**annotation(at, label, place), **where)
        style = styles[point["group"]]
        bar = None
        if known(point["low"], point["high"]):
            up, down_by = point["high"] - point["value"], point["value"] - point["low"]
            bar = {
                "type": "data",
                "array": [up],
                "arrayminus": [down_by],
                "color": style.colour,
                "thickness": 1.5,
            }
        grid.figure.add_trace(
            go.Scatter(
                x=[point["x"]],
                y=[point["value"]],
                error_y=bar,
                mode="markers",
                marker=style.marker(10),
                legendgroup=point["group"],
                hovertemplate=f"{label}: {hover}<br>slope %{{y:.4f}}<extra></extra>",
                showlegend=False,
                **axes,
            )
        )


def _correlation(points: Sequence[Row]) -> str:
    if len(points) < FEWEST:
        return f"{len(points)} groups: too few to correlate"
    x = np.log([point["x"] for point in points])
    slope = np.array([point["value"] for point in points])
    pearson, spearman = correlation(x, slope), correlation(ranks(x), ranks(slope))
    return f"{len(points)} groups: Pearson {_signed(pearson)}, rank correlation {_signed(spearman)}"


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
    return f"{value:+.2f}".replace("-", "−") if np.isfinite(value) else "undefined"
