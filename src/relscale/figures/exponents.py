"""Every suite's Δβ with both of its intervals, as a forest plot.

A row of panels is a suite, with a scale of its own; a column is a corpus. The symbol tells whether the gap closes or
widens over the fitted range: that is not the sign of Δβ alone, so left and right do not tell it.
"""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.data import FigureData, Row, Series, Suite, distinct
from relscale.figures.law_lines import known
from relscale.figures.panels import (
    HEADING,
    LINE,
    Panels,
    empty,
    footnotes,
    heading,
    legend_right,
    note_in_panel,
    panels,
    set_axes,
)

TITLE = "How fast gaps move: Δβ"
GROUP = 36  # pixels for a group, its two intervals one above the other
OFFSET = 0.17  # of a group's height
# estimand: offset, dash and width of its interval
ESTIMANDS = {"these items": (OFFSET, "solid", 2.6), "item population": (-OFFSET, "2px,2px", 2.6)}
DIRECTIONS = {
    "closes": ("triangle-down", "#0072b2"),
    "widens": ("triangle-up", "#d55e00"),
    "unclear": ("circle-open", theme.INK),
}
MEANING = {"closes": "gap closes", "widens": "gap widens", "unclear": "direction unclear"}


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw every suite for every corpus; ``suites`` (a list) chooses some."""
    suites = [data.suite(name, options) for name in options.get("suites") or data.suite_names()]
    rows = {suite.name: _rows(data, suite) for suite in suites}
    suites = [suite for suite in suites if any(known(row["value"]) for row in rows[suite.name])]
    if not suites:
        return empty(TITLE, "No relative law could be fitted.")
    targets = {
        suite.name: [group for group in suite.labels if group in {row["group"] for row in rows[suite.name]}]
        for suite in suites
    }
    longest = max(theme.text_width(suite.labels[group]) for suite in suites for group in targets[suite.name])
    grid = panels(
        TITLE,
        len(suites),
        len(data.series),
        height=[GROUP * len(targets[suite.name]) + 10 for suite in suites],
        gap_x=28,
        gap_y=2 * HEADING + LINE + 42,
        left=int(longest) + 34,
        top=HEADING + LINE,
    )
    notes = []
    for place, suite in enumerate(suites):
        groups = targets[suite.name]
        ends = [row[end] for row in rows[suite.name] for end in ("value", "low", "high") if known(row[end])]
        x = theme.linear_axis(ends, "Δβ (difference of exponents, no unit)", most=6, zero=True)
        for column, series in enumerate(data.series):
            set_axes(grid, place, column, x, _group_axis(suite, groups, labels=column == 0))
            heading(grid, place, column, suite.title, f"{series.label}; against {suite.baseline_label}")
            own = [row for row in rows[suite.name] if _belongs(row, series)]
            notes += _draw_panel(grid, place, column, series, suite, groups, own)
    _legend(
        grid, distinct(row["level"] for suite in suites for row in rows[suite.name] if known(row["level"]))
    )
    footnotes(grid, [*_reading(), *distinct(notes)])
    return grid.figure


def _rows(data: FigureData, suite: Suite) -> list[Row]:
    return data.rows("fits", **suite.key, law="relative_power_law", parameter="delta_beta")


def _belongs(row: Row, series: Series) -> bool:
    return all(row[key] == value for key, value in series.key.items())


def _group_axis(suite: Suite, groups: Sequence[str], labels: bool) -> dict[str, Any]:
    """The groups from top to bottom; named in the first column only."""
    return theme.linear_axis([0, 1], "") | {
        "range": [len(groups) - 0.5, -0.5],
        "tickvals": list(range(len(groups))),
        "ticktext": [suite.labels[group] if labels else "" for group in groups],
        "showgrid": False,
    }


def _draw_panel(
    grid: Panels,
    place: int,
    column: int,
    series: Series,
    suite: Suite,
    groups: Sequence[str],
    rows: Sequence[Row],
) -> list[str]:
    notes = []
    axes = grid.axes(place, column)
    if not any(known(row["value"]) for row in rows):
        note_in_panel(grid, place, column, "no relative law could be fitted")
    bounded = {row["group"] for row in rows if known(row["low"], row["high"])}
    for row in rows:
        label = suite.labels.get(row["group"], row["group"])
        if not known(row["value"]):
            notes.append(f"{series.label}, {suite.title}, {label}: {row['status']}.")
            continue
        if row["group"] in bounded and not known(row["low"], row["high"]):
            notes.append(
                f"{series.label}, {suite.title}: no interval for the {row['estimand']} ({row['status']})."
            )
            continue
        offset, dash, width = ESTIMANDS[row["estimand"]]
        symbol, colour = DIRECTIONS[row["direction"] or "unclear"]
        y = groups.index(row["group"]) - offset
        if known(row["low"], row["high"]):
            grid.figure.add_trace(
                go.Scatter(
                    x=[row["low"], row["high"]],
                    y=[y, y],
                    mode="lines",
                    line={"color": colour, "dash": dash, "width": width},
                    hoverinfo="skip",
                    showlegend=False,
                    **axes,
                )
            )
        grid.figure.add_trace(
            go.Scatter(
                x=[row["value"]],
                y=[y],
                mode="markers",
                marker=_marker(symbol, colour),
                hovertemplate=f"{label}: Δβ = %{{x:.4f}}{_interval(row)}<br>{row['estimand']}"
                f"<br>{MEANING[row['direction'] or 'unclear']}<extra></extra>",
                showlegend=False,
                **axes,
            )
        )
    return notes


def _marker(symbol: str, colour: str) -> dict[str, Any]:
    is_open = symbol.endswith("-open")
    fill = "white" if is_open else colour
    return {
        "symbol": symbol.removesuffix("-open"),
        "size": 12,
        "color": fill,
        "line": {"color": colour if is_open else "white", "width": 2 if is_open else 0.8},
    }


def _legend(grid: Panels, levels: Sequence[float]) -> None:
    axes = grid.axes(0, 0)
    names = []
    for direction, (symbol, colour) in DIRECTIONS.items():
        names.append(MEANING[direction])
        grid.figure.add_trace(
            go.Scatter(
                x=[None], y=[None], mode="markers", marker=_marker(symbol, colour), name=names[-1], **axes
            )
        )
    told = "/".join(f"{level:.0%}" for level in sorted(levels)) or "interval"
    for estimand, (_, dash, width) in ESTIMANDS.items():
        names.append(f"{told}, {estimand}")
        line = {"color": theme.INK, "dash": dash, "width": width}
        grid.figure.add_trace(go.Scatter(x=[None], y=[None], mode="lines", line=line, name=names[-1], **axes))
    legend_right(grid, names)


def _interval(row: Row) -> str:
    return f" [{row['low']:.4f}, {row['high']:.4f}]" if known(row["low"], row["high"]) else ""


def _reading() -> list[str]:
    return [
        "A gap closes where Δβ·ln G < 0, G the error relative to the baseline, and widens where it is positive; "
        "unclear where an interval, of Δβ or of G, leaves it open. Intervals are not adjusted for many comparisons."
    ]
