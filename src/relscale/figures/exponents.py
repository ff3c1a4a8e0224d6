"""Every suite's Δβ with its intervals, as a forest plot.

A row of panels is a suite, with a scale of its own; a column is a corpus. The symbol tells whether the gap closes or
widens over the fitted range: that is not the sign of Δβ alone, so left and right do not tell it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.chart import known
from relscale.figures.curves import MOST_STYLED
from relscale.figures.data import FigureData, Row, Series, Suite, distinct
from relscale.figures.panels import (
    HEADING,
    LINE,
    Panels,
    empty,
    footnotes,
    heading,
    interval_across,
    legend_right,
    note_in_panel,
    panels,
    set_axes,
)
from relscale.figures.select import ESTIMANDS

TITLE = "How fast gaps move: Δβ"
GROUP = 36  # pixels for a group, its two intervals one above the other
CROWDED = 17  # for one of many groups, and its one interval
OFFSET = 0.17  # of a group's height
POOLED = "partially pooled"
# kind of interval: offset and dash
KINDS = {"these items": (OFFSET, "solid"), "item population": (-OFFSET, "2px,2px"), POOLED: (0.0, "6px,2px")}
RAW = "each group by itself"
MOST_NOTES = 6
PALE = "#d9d9d9"
PALE_MARKER = {
    "symbol": "line-ns",
    "size": 9,
    "color": theme.FAINT,
    "line": {"color": theme.FAINT, "width": 2},
}


class Forest(NamedTuple):
    """A suite's row of panels: its series, its groups from top to bottom, and what is drawn of each."""

    suite: Suite
    series: list[Series]
    groups: list[str]
    rows: list[Row]

    @property
    def crowded(self) -> bool:
        """Whether groups are too many for two intervals each."""
        return len(self.groups) > MOST_STYLED

    @property
    def height(self) -> int:
        """In pixels."""
        return (CROWDED if self.crowded else GROUP) * len(self.groups) + 10

    def of(self, series: Series) -> list[Row]:
        """The rows of one series."""
        return [row for row in self.rows if all(row[key] == value for key, value in series.key.items())]


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw every suite for every corpus; ``suites`` (a list) chooses some."""
    suites = [data.suite(name, options) for name in options.get("suites") or data.suite_names()]
    forests = [forest for forest in (_forest(data, suite) for suite in suites) if forest.groups]
    if not forests:
        return empty(TITLE, "No relative law could be fitted.")
    longest = max(
        theme.text_width(forest.suite.labels[group], theme.SIZE - 2 * forest.crowded)
        for forest in forests
        for group in forest.groups
    )
    grid = panels(
        TITLE,
        len(forests),
        max(len(forest.series) for forest in forests),
        height=[forest.height for forest in forests],
        gap_x=28,
        gap_y=2 * HEADING + LINE + 42,
        left=int(longest) + 34,
        top=HEADING + LINE,
    )
    notes = []
    for place, forest in enumerate(forests):
        ends = [row[end] for row in forest.rows for end in ("value", "low", "high") if known(row[end])]
        x = theme.linear_axis(ends, "Δβ (difference of exponents, no unit)", most=6, zero=True)
        for column, series in enumerate(forest.series):
            set_axes(grid, place, column, x, _group_axis(forest, labels=column == 0))
            against = f"{series.label}; against {forest.suite.baseline_label}"
            heading(grid, place, column, forest.suite.title, against)
            notes += _draw_panel(grid, place, column, series, forest)
    _legend(grid, forests)
    shown = distinct(notes)
    more = [f"And {len(shown) - MOST_NOTES} more such lines."] if len(shown) > MOST_NOTES else []
    footnotes(grid, [*_reading(), *_schemes(forests), *_spread(data, forests), *shown[:MOST_NOTES], *more])
    return grid.figure


def _forest(data: FigureData, suite: Suite) -> Forest:
    rows = data.law_rows(**suite.key, law="relative_power_law", parameter="delta_beta")
    pooled = _widest(data.pooled_rows(**suite.key, parameter="delta_beta"))
    rows += [row | {"estimand": POOLED} for row in pooled]
    found = {row["group"] for row in rows if known(row["value"])}
    groups = [group for group in suite.labels if group in found]
    if not groups:
        return Forest(suite, [], [], [])
    measured = {(row["corpus"], row["optimizer"]) for row in rows}
    every = [series for series in data.series if (series.corpus, series.optimizer) in measured]
    forest = Forest(suite, every, groups, rows)
    if forest.crowded:
        value = {row["group"]: row["value"] for row in reversed(forest.of(every[0])) if known(row["value"])}
        groups.sort(key=lambda group: (value.get(group) is None, -(value.get(group) or 0.0)))
        return forest._replace(rows=_widest(rows))
    return forest


def _widest(rows: Sequence[Row]) -> list[Row]:
    """One row for each group and series, the pooled ones beside it: of the widest statement that has an interval."""
    chosen: dict[tuple[Any, ...], Row] = {}
    ranked = [row for row in rows if row["estimand"] in ESTIMANDS]
    ranked.sort(key=lambda row: (not known(row["low"], row["high"]), ESTIMANDS.index(row["estimand"])))
    for row in ranked:
        chosen.setdefault((row["corpus"], row["optimizer"], row["group"]), row)
    return [*chosen.values(), *(row for row in rows if row["estimand"] == POOLED)]


def _group_axis(forest: Forest, labels: bool) -> dict[str, Any]:
    """The groups from top to bottom; named in the first column only."""
    groups = forest.groups
    return theme.linear_axis([0, 1], "") | {
        "range": [len(groups) - 0.5, -0.5],
        "tickvals": list(range(len(groups))),
        "ticktext": [forest.suite.labels[group] if labels else "" for group in groups],
        "tickfont": {"size": theme.SIZE - (3 if forest.crowded else 1)},
        "showgrid": forest.crowded,
    }


def _draw_panel(grid: Panels, place: int, column: int, series: Series, forest: Forest) -> list[str]:
    suite, rows = forest.suite, forest.of(series)
    notes = []
    axes = grid.axes(place, column)
    if not any(known(row["value"]) for row in rows):
        note_in_panel(grid, place, column, "no relative law could be fitted")
    bounded = {row["group"] for row in rows if known(row["low"], row["high"])}
    kinds = {row["estimand"] for row in forest.rows if known(row["value"])}
    pooled = {row["group"] for row in rows if row["estimand"] == POOLED and known(row["value"])}
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
        offset, dash = KINDS[row["estimand"]]
        offset = offset if len(kinds) > 1 else 0.0
        marker = theme.direction_marker(row["direction"], 8 if forest.crowded else 12)
        line = {"color": theme.DIRECTIONS[row["direction"] or "unclear"][1], "dash": dash, "width": 2.6}
        if forest.crowded:  # one interval, or a pale one with the pooled one on it
            behind = row["group"] in pooled and row["estimand"] != POOLED
            offset, line["dash"] = (0.0, "solid")
            line |= {"color": PALE, "width": 7} if behind else {"width": 1.8}
            marker = PALE_MARKER if behind else marker
        y = forest.groups.index(row["group"]) - offset
        if known(row["low"], row["high"]):
            interval_across(grid, place, column, (row["low"], row["high"]), y, line)
        grid.figure.add_trace(
            go.Scatter(
                x=[row["value"]],
                y=[y],
                mode="markers",
                marker=marker,
                hovertemplate=f"{label}: Δβ = %{{x:.4f}}{_interval(row)}<br>{row['estimand']}"
                f"<br>{theme.DIRECTIONS[row['direction'] or 'unclear'][2]}<extra></extra>",
                showlegend=False,
                **axes,
            )
        )
    return notes


def _legend(grid: Panels, forests: Sequence[Forest]) -> None:
    axes = grid.axes(0, 0)
    names = []
    for direction, (_, _, words) in theme.DIRECTIONS.items():
        names.append(words)
        marker = theme.direction_marker(direction)
        grid.figure.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=words, **axes)
        )
    every = [row for forest in forests for row in forest.rows if known(row["level"])]
    told = "/".join(f"{level:.0%}" for level in sorted({row["level"] for row in every})) or "interval"
    shown = {row["estimand"] for forest in forests if not forest.crowded for row in forest.rows}
    lines = [
        (f"{told}, {kind}", {"color": theme.INK, "dash": dash, "width": 2.6})
        for kind, (_, dash) in KINDS.items()
        if kind in shown
    ]
    if any(forest.crowded and row["estimand"] == POOLED for forest in forests for row in forest.rows):
        lines += [
            (f"{told}, {POOLED}", {"color": theme.INK, "width": 1.8}),
            (f"{told}, {RAW}", {"color": PALE, "width": 7}),
        ]
    for name, line in lines:
        names.append(name)
        grid.figure.add_trace(go.Scatter(x=[None], y=[None], mode="lines", line=line, name=name, **axes))
    legend_right(grid, names)


def _interval(row: Row) -> str:
    return f" [{row['low']:.4f}, {row['high']:.4f}]" if known(row["low"], row["high"]) else ""


def _schemes(forests: Sequence[Forest]) -> list[str]:
    """How intervals were made that are no t intervals of the last stage."""
    return [
        f"{forest.suite.title}: intervals by {scheme}."
        for forest in forests
        for scheme in distinct(row["scheme"] for row in forest.rows if known(row["low"]))
        if scheme and ("bootstrap" in scheme or "pooling" in scheme)
    ]


def _spread(data: FigureData, forests: Sequence[Forest]) -> list[str]:
    """The mean of the groups' Δβ and their spread around it, where they are pooled."""
    notes = []
    for forest in forests:
        for mean in data.pooled_rows(**forest.suite.key, parameter="delta_beta_mean"):
            same = {name: mean[name] for name in ("corpus", "optimizer", "estimand")}
            spread = data.pooled_rows(**forest.suite.key, **same, parameter="delta_beta_sd")
            told = "".join(f", spread (standard deviation) {_told(row)}" for row in spread)
            notes.append(f"{forest.suite.title}, pooled ({mean['estimand']}): mean Δβ {_told(mean)}{told}.")
    return notes


def _told(row: Row) -> str:
    return f"{row['value']:.4f}{_interval(row)}".replace("-", "−") if known(row["value"]) else row["status"]


def _reading() -> list[str]:
    return [
        "A gap closes where Δβ·ln G < 0, G the error relative to the baseline, and widens where it is positive; "
        "unclear where an interval, of Δβ or of G, leaves it open. Intervals are not adjusted for many comparisons."
    ]
