"""A suite's specification curve: how much of Δβ is the analyst's choice.

Simonsohn, Simmons and Nelson, "Specification curve analysis" (*Nature Human Behaviour*, 2020). Top: Δβ of each way to
analyse the same data, in order of size. Bottom: the choices that make up each. A column is a group; of many groups,
the curve is that of their median, and a panel between shows the share of their gaps that closes and widens.
"""

from collections import Counter
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any, NamedTuple

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.chart.axes import Axis
from relscale.figures.chart.numbers import known, plain
from relscale.figures.data import CHOICES, GROUP, FigureData, Row, Series, Suite, distinct
from relscale.figures.select import levels, of, series_in

PER_SUITE = True
MOST_PANELS = 4  # groups that get a panel each
LEVEL = 17  # pixels for a choice in the matrix
CURVE, SHARES = 230, 110  # pixels
DEFAULT = chart.Style(chart.INK, "diamond", size=13, width=2.4, fill="white")
RANGE = "#b5b5b5"
X_TITLE = "specifications in order of Δβ"
NAMES = {"flops": "FLOPs", "bytes": "bytes", "degree": "parabola's degree", "form": "form of the gap"}


class Curve(NamedTuple):
    """The specifications of a series in order, for one group or for all."""

    name: str
    series: Series
    specifications: list[list[Row]]  # a list for each, with a row for each group

    @property
    def medians(self) -> list[float]:
        """Δβ of each specification, the median over groups."""
        return [median(row.value for row in rows) for rows in self.specifications]

    @property
    def default(self) -> list[int]:
        """The places of the default analysis."""
        return [place for place, rows in enumerate(self.specifications, start=1) if rows[0].default]


def draw(data: FigureData, options: dict[str, Any]) -> go.Figure:
    """Draw the suite that ``options["suite"]`` names.

    Raises
    ------
    RelscaleError
        No suite is named, or there is none of that name.
    """
    suite = data.one_suite("specification-curve", options)
    title = f"Specification curve: {suite.title}"
    every_row = [
        row
        for row in data.rows("specifications", suite=suite.name)
        if row.contrast in (None, GROUP) and options.get("prompt") in (None, row.prompt)
    ]
    rows = [row for row in every_row if known(row.value)]
    if not rows:
        why = distinct(row.reason for row in every_row)
        reason = f"None gives a Δβ: {why[0]}." if why else "None was computed for it."
        return chart.empty(
            title, f"There are no specifications of the suite {suite.name!r} to show. {reason}"
        )
    choices = _choices(rows)
    groups, every = _largest_first(rows), series_in(data, rows)
    many = len(groups) > MOST_PANELS
    heights = [
        CURVE,
        *([SHARES] if many else []),
        LEVEL * (sum(map(len, choices.values())) + len(choices)) + 6,
    ]
    columns, blocks = (len(every), 1) if many else (len(groups), len(every))
    names = [_words(choice, level) for choice, found in choices.items() for level in found]
    panels = chart.grid(
        title,
        len(heights) * blocks,
        columns,
        width=max(300, 620 // columns),
        height=heights * blocks,
        gap_x=90,
        gap_y=chart.HEADING + 2 * chart.LINE + 62 if blocks > 1 else 18,
        left=int(max(map(chart.text_width, names or [""]))) + 24,
        top=chart.HEADING + 2 * chart.LINE,
    )
    cut = 0
    for i, series in enumerate(every):
        for j, group in enumerate([None] if many else groups):
            row, column = (0, i) if many else (2 * i, j)
            curve = _curve(suite, series, of(series, rows), group)
            cut += _draw_curve(panels.panel(row, column), curve)
            if many:
                _draw_shares(panels.panel(1, column), curve)
            _draw_matrix(panels.panel(row + len(heights) - 1, column), curve, choices)
    panels.share_names()
    symbol = "square" if many else "circle"
    colours = {
        name: _bar_colour(name) if many else style.colour for name, (style, _) in chart.DIRECTIONS.items()
    }
    keys = [
        chart.Key(words, chart.Style(colours[name], symbol), "markers")
        for name, (_, words) in chart.DIRECTIONS.items()
    ]
    panels.key([*keys, chart.Key("default analysis", DEFAULT, "markers")])
    panels.notes(*_notes(every_row, rows, cut, many))
    return panels.figure


def _largest_first(rows: Sequence[Row]) -> list[str]:
    """Groups by the size of their Δβ, that of the default analysis where it is known."""
    size: dict[str, float] = {}
    for row in sorted(rows, key=lambda row: not row.default):
        size.setdefault(row.group, abs(row.value))
    return sorted(size, key=lambda group: (-size[group], group))


def _curve(suite: Suite, series: Series, rows: Sequence[Row], group: str | None) -> Curve:
    """The specifications of one group, or of all, in order of the median of their Δβ."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        if group in (None, row.group):
            found.setdefault(tuple(getattr(row, choice) for choice in CHOICES), []).append(row)
    ordered = sorted(found.values(), key=lambda rows: median(row.value for row in rows))
    name = suite.labels.get(group, group) if group else f"{len({row.group for row in rows})} groups"
    return Curve(f"{name} against {suite.baseline_label}", series, ordered)


def _choices(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """The choices that differ between specifications, each with its levels."""
    found = {choice: distinct(getattr(row, choice) for row in rows) for choice in CHOICES}
    return {
        choice: sorted(told, key=lambda level: (level is None, str(level)))
        for choice, told in found.items()
        if len(told) > 1
    }


def _words(choice: str, level: Any) -> str:
    return f"{NAMES.get(choice, choice)}: {'–' if level is None else str(level).replace('_', ' ')}"


def _draw_curve(panel: chart.Panel, curve: Curve) -> int:
    """The upper panel; returns how many ends of intervals leave it."""
    specifications = curve.specifications
    number = len(specifications)
    values = [[row.value for row in rows] for rows in specifications]
    every = [value for group in values for value in group]
    span = max(max(every) - min(every), max(map(abs, every)) / 5)
    inside = (min(every) - span, max(every) + span)
    single = all(len(rows) == 1 for rows in specifications)
    size = max(3.0, min(9.0, 1.6 * panel.width / number))
    directions = [rows[0].direction or "unclear" if single else "unclear" for rows in specifications]
    if single:
        pairs = [(rows[0].low, rows[0].high) for rows in specifications]
    else:
        pairs = [(min(group), max(group)) for group in values]
    limits = [end for pair in pairs for end in pair if known(end)]
    shown = [min(max(end, inside[0]), inside[1]) for end in limits]
    panel.axes(_order_axis(number, ""), chart.linear_axis([*every, *shown], "Δβ", most=6, zero=True))
    panel.reference_line(0.0)
    if not single:
        places = range(1, number + 1)
        panel.intervals(places, pairs, chart.Style(RANGE, width=1))
        halves = [_quartiles(group) for group in values]
        panel.intervals(places, halves, chart.Style(chart.MEDIUM, width=max(1.5, size / 2)))
    for direction, (style, _) in chart.DIRECTIONS.items():
        own = [place for place in range(number) if directions[place] == direction]
        if single and own:
            colour = chart.faded(style.colour, 0.45)
            ends = [pairs[place] for place in own]
            panel.intervals([place + 1 for place in own], ends, chart.Style(colour, width=max(1.0, size / 4)))
    for direction, (style, _) in chart.DIRECTIONS.items():
        own = [place for place in range(number) if directions[place] == direction]
        if own:
            panel.points(
                [place + 1 for place in own],
                [curve.medians[place] for place in own],
                chart.Style(style.colour if single else chart.INK, size=size),
                about=[_described(specifications[place][0]) for place in own],
                hover="Δβ = %{y}<br>%{customdata}",
            )
    panel.points(curve.default, [curve.medians[place - 1] for place in curve.default], DEFAULT)
    panel.heading(curve.name, curve.series.label, _agreement(curve, directions, single))
    return sum(not inside[0] <= end <= inside[1] for end in limits)


def _agreement(curve: Curve, directions: Sequence[str], single: bool) -> str:
    """The range of Δβ, and how many specifications agree on what the gap does."""
    low, high = (plain(float(f"{pick(curve.medians):.2g}")) for pick in (min, max))
    if not single:
        return f"median Δβ of {len(curve.medians)} specifications: {low} to {high}"
    counts = Counter(directions)
    return f"Δβ {low} to {high}; " + ", ".join(
        f"{counts[name]} {name}" for name in chart.DIRECTIONS if counts[name]
    )


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def _draw_shares(panel: chart.Panel, curve: Curve) -> None:
    """The share of the groups' gaps that closes, widens, or is unclear, under each specification."""
    y = chart.linear_axis([0, 1], "groups (share)", most=4, pad=0.0)
    panel.axes(_order_axis(len(curve.specifications), ""), y)
    for direction, (_, words) in chart.DIRECTIONS.items():
        share = [
            sum((row.direction or "unclear") == direction for row in rows) / len(rows)
            for rows in curve.specifications
        ]
        panel.add(
            go.Bar(
                x=list(range(1, len(share) + 1)),
                y=share,
                marker={"color": _bar_colour(direction), "line": {"width": 0}},
                hovertemplate=f"{words}: %{{y:.0%}} of groups<extra></extra>",
                showlegend=False,
            )
        )
    panel.figure.update_layout(barmode="stack", bargap=0)


def _bar_colour(direction: str) -> str:
    return chart.PALE if direction == "unclear" else chart.DIRECTIONS[direction][0].colour


def _draw_matrix(panel: chart.Panel, curve: Curve, choices: dict[str, list[Any]]) -> None:
    """The lower panel: a tick where a specification has the choice of that line."""
    at: dict[tuple[str, Any], float] = {}
    for place, (choice, found) in enumerate(choices.items()):
        for level in found:
            at[choice, level] = len(at) + place
    number = len(curve.specifications)
    names = [_words(*key) for key in at]
    y = chart.names_axis(names, at=list(at.values()), margin=0.8, size=chart.SIZE - 2, lines=True)
    panel.axes(_order_axis(number, X_TITLE), y)
    ticks = [
        (place, at[choice, getattr(rows[0], choice)])
        for place, rows in enumerate(curve.specifications, start=1)
        for choice in choices
    ]
    wide = max(1.0, min(7.0, 0.8 * panel.width / number))
    style = chart.Style(chart.INK, "line-ns", size=5.5, width=wide)
    panel.points([x for x, _ in ticks], [line for _, line in ticks], style)
    half = max(0.5, 2.0 * number / panel.width)
    for place in curve.default:
        panel.vertical_band(place - half, place + half, "rgba(0,0,0,0.10)")


def _order_axis(number: int, title: str) -> Axis:
    """The specifications from 1 on, numbered where the axis has a title."""
    ticks = sorted({1, *(tick for tick in chart.linear_ticks(1, number + 1, 6) if 1 < tick <= number)})
    ticks = [tick for tick in ticks if title and tick == int(tick)]
    return chart.linear_axis([1, number], title, pad=0.0) | {
        "range": [0.5 - 0.02 * number, number + 0.5 + 0.02 * number],
        "tickvals": ticks,
        "ticktext": [f"{tick:.0f}" for tick in ticks],
        "showgrid": False,
    }


def _described(row: Row) -> str:
    chosen = [(choice, getattr(row, choice)) for choice in CHOICES]
    return "<br>".join(_words(choice, level) for choice, level in chosen if level is not None)


def _notes(every_row: Sequence[Row], rows: Sequence[Row], cut: int, many: bool) -> list[str]:
    if many:
        notes = ["Point: median over groups; thick line: the middle half of them; thin line: all."]
    else:
        notes = [f"Lines: {levels(rows)} intervals."] if levels(rows) else []
    same = {choice: distinct(getattr(row, choice) for row in rows) for choice in CHOICES}
    fixed = [_words(choice, found[0]) for choice, found in same.items() if len(found) == 1 and found[0]]
    notes += [f"The same throughout: {'; '.join(fixed)}."] if fixed else []
    notes += [f"{cut} ends of intervals lie outside the panels."] if cut and not many else []
    bare = Counter(row.reason for row in rows if not known(row.low, row.high))
    notes += [f"Without an interval, {count}: {status}." for status, count in bare.most_common(4)]
    lost = Counter(row.reason for row in every_row if not known(row.value))
    return notes + [f"Without a Δβ, {count}: {status}." for status, count in lost.most_common(4)]
