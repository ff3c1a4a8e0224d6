"""A suite's specification curve: how much of Δβ is the analyst's choice.

Simonsohn, Simmons and Nelson, "Specification curve analysis" (*Nature Human Behaviour*, 2020). Top: Δβ of each way to
analyse the same data, in order of size. Bottom: the choices that make up each. A column is a group; of many groups,
the curve is that of their median, and a panel between shows which share of their gaps closes and widens.
"""

from collections import Counter
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any, NamedTuple

import plotly.graph_objects as go

from relscale.figures import theme
from relscale.figures.data import CHOICES, GROUP, FigureData, Row, Series, Suite, distinct
from relscale.figures.law_lines import known
from relscale.figures.panels import (
    HEADING,
    LINE,
    Panels,
    empty,
    footnotes,
    heading,
    legend_right,
    level_line,
    panels,
    set_axes,
)

PER_SUITE = True
MOST_PANELS = 4  # groups that get a panel each
LEVEL = 17  # pixels for a choice in the matrix
CURVE, SHARES = 230, 110  # pixels
SHADE = "rgba(0,0,0,0.10)"
DEFAULT = "the analysis by default"
X_TITLE = "specifications in order of Δβ (number)"
NAMES = {"flops": "FLOPs", "bytes": "bytes", "degree": "parabola's degree", "form": "form of the gap"}


class Curve(NamedTuple):
    """What stands above and below each other: the specifications of a series, in order."""

    series: Series
    name: str
    specifications: list[list[Row]]  # of each, a row for each group

    @property
    def first(self) -> list[Row]:
        """A row of each specification, for its choices."""
        return [rows[0] for rows in self.specifications]


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw the suite that ``options["suite"]`` names.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of that name.
    """
    suite = data.one_suite("specification-curve", options)
    title = f"Specification curve: {suite.title}"
    told = [
        row
        for row in data.rows("specifications", suite=suite.name)
        if row["contrast"] in (None, GROUP) and options.get("prompt") in (None, row["prompt"])
    ]
    rows = [row for row in told if known(row["value"])]
    if not rows:
        why = distinct(row["status"] for row in told)
        reason = f"None gives a Δβ: {why[0]}." if why else "None was computed for it."
        return empty(title, f"There are no specifications of the suite {suite.name!r} to show. {reason}")
    levels = _levels(rows)
    groups = _largest_first(rows)
    every = [series for series in data.series if _of(rows, series)]
    many = len(groups) > MOST_PANELS
    curves = [
        [_curve(suite, series, _of(rows, series), group) for group in ([None] if many else groups)]
        for series in every
    ]
    matrix = LEVEL * (sum(map(len, levels.values())) + len(levels)) + 6
    heights = [CURVE, SHARES, matrix] if many else [CURVE, matrix]
    grid = panels(
        title,
        len(heights) * (1 if many else len(every)),
        len(every) if many else len(groups),
        width=max(300, 620 // (len(every) if many else len(groups))),
        height=heights * (1 if many else len(every)),
        gap_x=90,
        gap_y=HEADING + 2 * LINE + 62 if not many and len(every) > 1 else 18,
        left=int(max(map(theme.text_width, _level_names(levels)))) + 24,
        top=HEADING + 2 * LINE,
    )
    cut = 0
    for i, of_series in enumerate(curves):
        for j, curve in enumerate(of_series):
            row, column = (0, i) if many else (2 * i, j)
            cut += _draw_curve(grid, row, column, curve)
            if many:
                _draw_shares(grid, 1, column, curve)
            _draw_matrix(grid, row + len(heights) - 1, column, curve, levels)
    _legend(grid, many)
    footnotes(grid, _notes(told, rows, cut, many))
    return grid.figure


def _of(rows: Sequence[Row], series: Series) -> list[Row]:
    return [row for row in rows if all(row[key] == value for key, value in series.key.items())]


def _largest_first(rows: Sequence[Row]) -> list[str]:
    """Groups by the size of their Δβ, by default where that is known."""
    size: dict[str, float] = {}
    for row in sorted(rows, key=lambda row: not row["chosen"]):
        size.setdefault(row["group"], abs(row["value"]))
    return sorted(size, key=lambda group: (-size[group], group))


def _curve(suite: Suite, series: Series, rows: Sequence[Row], group: str | None) -> Curve:
    """The specifications of one group, or of all, by the median of their Δβ."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        if group in (None, row["group"]):
            found.setdefault(tuple(row[choice] for choice in CHOICES), []).append(row)
    ordered = sorted(found.values(), key=lambda rows: median(row["value"] for row in rows))
    name = suite.labels.get(group, group) if group else f"{len({row['group'] for row in rows})} groups"
    return Curve(series, f"{name} against {suite.baseline_label}", ordered)


def _levels(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Of each choice that differs between specifications, what was chosen."""
    levels = {choice: distinct(row[choice] for row in rows) for choice in CHOICES}
    return {
        choice: sorted(told, key=lambda level: (level is None, str(level)))
        for choice, told in levels.items()
        if len(told) > 1
    }


def _level_names(levels: dict[str, list[Any]]) -> list[str]:
    return [_level_name(choice, level) for choice, told in levels.items() for level in told] or [""]


def _level_name(choice: str, level: Any) -> str:
    return f"{NAMES.get(choice, choice)}: {'none' if level is None else str(level).replace('_', ' ')}"


def _draw_curve(grid: Panels, row: int, column: int, curve: Curve) -> int:
    """The upper panel; returns how many intervals leave it."""
    specifications = curve.specifications
    axes = grid.axes(row, column)
    values = [one["value"] for rows in specifications for one in rows]
    span = max(max(values) - min(values), max(map(abs, values)) / 5)
    inside = [min(values) - span, max(values) + span]
    single = len(specifications[0]) == 1 and all(len(rows) == 1 for rows in specifications)
    size = max(3.0, min(9.0, 1.6 * grid.width / len(specifications)))
    if single:
        ends = [(rows[0]["low"], rows[0]["high"]) for rows in specifications]
        intervals: list[tuple[Any, float, str | None]] = [(ends, max(1.0, size / 4), None)]
        directions = [rows[0]["direction"] or "unclear" for rows in specifications]
    else:
        outer = [(min(v), max(v)) for v in ([one["value"] for one in rows] for rows in specifications)]
        inner = [_quartiles([one["value"] for one in rows]) for rows in specifications]
        intervals = [(outer, 1.0, "#b5b5b5"), (inner, max(1.5, size / 2), "#7a7a7a")]
        directions = ["unclear"] * len(specifications)
    limits = [end for pairs, _, _ in intervals for pair in pairs for end in pair if known(end)]
    shown = [min(max(end, inside[0]), inside[1]) for end in limits]
    y = theme.linear_axis([*values, *shown], "Δβ (no unit)", most=6, zero=True)
    x = _place_axis(len(specifications), "")
    set_axes(grid, row, column, x, y)
    level_line(grid, row, column, 0.0)
    for pairs, width, colour in intervals:
        for direction, (_, own, _) in theme.DIRECTIONS.items():
            xs: list[float | None] = []
            ys: list[float | None] = []
            for place, (low, high) in enumerate(pairs):
                if directions[place] == direction and known(low, high):
                    xs += [place + 1, place + 1, None]
                    ys += [low, high, None]
            if xs:
                line = {"color": colour or theme.faded(own, 0.45), "width": width}
                trace = {"mode": "lines", "hoverinfo": "skip", "showlegend": False, **axes}
                grid.figure.add_trace(go.Scatter(x=xs, y=ys, line=line, **trace))
    for direction, (_, own, _) in theme.DIRECTIONS.items():
        places = [place for place, told in enumerate(directions) if told == direction]
        if not places:
            continue
        middle = [median(one["value"] for one in specifications[place]) for place in places]
        marker = (
            {"symbol": "circle", "size": size, "color": own}
            if single
            else {"symbol": "circle", "size": size, "color": theme.INK}
        )
        grid.figure.add_trace(
            go.Scatter(
                x=[place + 1 for place in places],
                y=middle,
                mode="markers",
                marker=marker,
                customdata=[_choices(specifications[place][0]) for place in places],
                hovertemplate="Δβ = %{y:.4f}<br>%{customdata}<extra></extra>",
                showlegend=False,
                **axes,
            )
        )
    chosen = [place for place, rows in enumerate(specifications) if rows[0]["chosen"]]
    for place in chosen:
        middle_value = median(one["value"] for one in specifications[place])
        grid.figure.add_trace(
            go.Scatter(
                x=[place + 1],
                y=[middle_value],
                mode="markers",
                marker=_default_marker(),
                hoverinfo="skip",
                showlegend=False,
                **axes,
            )
        )
    heading(grid, row, column, curve.name, curve.series.label, _count(curve))
    return sum(not inside[0] <= end <= inside[1] for end in limits)


def _count(curve: Curve) -> str:
    """How many specifications agree on what the gap does, in words; of many groups, the range of their medians."""
    middle = [median(row["value"] for row in rows) for rows in curve.specifications]
    reach = f"{theme.plain(float(f'{min(middle):.2g}'))} to {theme.plain(float(f'{max(middle):.2g}'))}"
    if any(len(rows) > 1 for rows in curve.specifications):
        return f"median Δβ of {len(middle)} specifications: {reach}"
    counts = Counter(row["direction"] or "unclear" for row in curve.first)
    told = ", ".join(f"{counts[name]} {name}" for name in theme.DIRECTIONS if counts[name])
    return f"Δβ {reach}; {told}"


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def _draw_shares(grid: Panels, row: int, column: int, curve: Curve) -> None:
    """Which share of the groups' gaps closes, widens, or is unclear, under each specification."""
    y = theme.linear_axis([0, 1], "groups (share)", most=4, pad=0.0)
    set_axes(grid, row, column, _place_axis(len(curve.specifications), ""), y)
    for direction, (_, colour, words) in theme.DIRECTIONS.items():
        share = [
            sum((one["direction"] or "unclear") == direction for one in rows) / len(rows)
            for rows in curve.specifications
        ]
        grid.figure.add_trace(
            go.Bar(
                x=list(range(1, len(share) + 1)),
                y=share,
                marker={"color": colour if direction != "unclear" else "#d9d9d9", "line": {"width": 0}},
                hovertemplate=f"{words}: %{{y:.0%}} of groups<extra></extra>",
                showlegend=False,
                **grid.axes(row, column),
            )
        )
    grid.figure.update_layout(barmode="stack", bargap=0)


def _draw_matrix(grid: Panels, row: int, column: int, curve: Curve, levels: dict[str, list[Any]]) -> None:
    """The lower panel: a tick where a specification has the choice of that line."""
    axes = grid.axes(row, column)
    at: dict[tuple[str, Any], float] = {}
    height = 0.0
    for choice, told in levels.items():
        for level in told:
            at[choice, level] = height
            height += 1
        height += 1
    xs = [place + 1 for place, one in enumerate(curve.first) for choice in levels]
    ys = [at[choice, one[choice]] for one in curve.first for choice in levels]
    y = theme.linear_axis([0, 1], "") | {
        "range": [max(height, 1) - 1.2, -0.8],
        "tickvals": list(at.values()),
        "ticktext": [_level_name(*key) if column == 0 else "" for key in at],
        "tickfont": {"size": theme.SIZE - 2},
        "showgrid": True,
    }
    set_axes(grid, row, column, _place_axis(len(curve.specifications), X_TITLE), y)
    wide = max(1.0, min(7.0, 0.8 * grid.width / len(curve.specifications)))
    marker = {"symbol": "line-ns", "size": 5.5, "line": {"color": theme.INK, "width": wide}}
    grid.figure.add_trace(
        go.Scatter(x=xs, y=ys, mode="markers", marker=marker, hoverinfo="skip", showlegend=False, **axes)
    )
    half = max(0.5, 2.0 * len(curve.specifications) / grid.width)
    for place, one in enumerate(curve.first):
        if one["chosen"]:
            grid.figure.add_shape(
                type="rect",
                x0=place + 1 - half,
                x1=place + 1 + half,
                y0=0,
                y1=1,
                xref=axes["xaxis"],
                yref=f"{axes['yaxis']} domain",
                fillcolor=SHADE,
                line={"width": 0},
                layer="below",
            )


def _place_axis(number: int, title: str) -> dict[str, Any]:
    ticks = sorted({1, *(tick for tick in theme.linear_ticks(1, number + 1, 6) if 1 < tick <= number)})
    ticks = [tick for tick in ticks if tick == int(tick)]
    return theme.linear_axis([1, number], title, pad=0.0) | {
        "range": [0.5 - 0.02 * number, number + 0.5 + 0.02 * number],
        "tickvals": ticks if title else [],
        "ticktext": [f"{tick:.0f}" for tick in ticks] if title else [],
        "showgrid": False,
    }


def _choices(row: Row) -> str:
    return "<br>".join(_level_name(choice, row[choice]) for choice in CHOICES if row[choice] is not None)


def _default_marker() -> dict[str, Any]:
    return {"symbol": "diamond", "size": 13, "color": "white", "line": {"color": theme.INK, "width": 2.4}}


def _legend(grid: Panels, many: bool) -> None:
    axes = grid.axes(0, 0)
    names = []
    for direction, (_, colour, words) in theme.DIRECTIONS.items():
        shown = "#d9d9d9" if many and direction == "unclear" else colour
        marker = {"symbol": "square" if many else "circle", "size": 10, "color": shown}
        grid.figure.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=words, **axes)
        )
        names.append(words)
    grid.figure.add_trace(
        go.Scatter(x=[None], y=[None], mode="markers", marker=_default_marker(), name=DEFAULT, **axes)
    )
    legend_right(grid, [*names, DEFAULT])
    grid.figure.update_layout(legend={"traceorder": "normal"})


def _notes(told: Sequence[Row], rows: Sequence[Row], cut: int, many: bool) -> list[str]:
    levels = distinct(row["level"] for row in rows if known(row["level"]))
    if many:
        notes = ["Point: median over groups; thick line: the middle half of them; thin line: all."]
    else:
        notes = [f"Lines: {'/'.join(f'{level:.0%}' for level in levels)} intervals."] if levels else []
    same = {choice: distinct(row[choice] for row in rows) for choice in CHOICES}
    fixed = [_level_name(choice, found[0]) for choice, found in same.items() if len(found) == 1 and found[0]]
    notes += [f"The same throughout: {'; '.join(fixed)}."] if fixed else []
    notes += [f"{cut} ends of intervals lie outside the panels."] if cut and not many else []
    bare = Counter(row["status"] for row in rows if not known(row["low"], row["high"]))
    notes += [f"Without an interval, {count}: {status}." for status, count in bare.most_common(4)]
    lost = Counter(row["status"] for row in told if not known(row["value"]))
    notes += [f"Without a Δβ, {count}: {status}." for status, count in lost.most_common(4)]
    return notes
