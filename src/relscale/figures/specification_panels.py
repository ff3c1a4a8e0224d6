"""The panels of a specification curve: Δβ in order, the share of groups with each verdict, and the choices."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from relscale.figures import chart
from relscale.figures.chart.numbers import known, number, significant
from relscale.figures.specification_order import OrderedSpecifications, choice_name, choice_words, level_words
from relscale.fitting.analyses.specification import CHOICES, SpecificationRow
from relscale.fitting.verdicts.verdict import Verdict
from relscale.fitting.verdicts.words import COUNTED

HEADING = object()  # marks the line with the name of a choice, above its levels
NAME_SIZE = chart.SIZE - 2
DEFAULT = chart.Style(chart.INK, "diamond", size=13, width=2.4, fill="white")
RANGE = chart.Style("#b5b5b5", width=1)
MEDIAN = chart.Style(chart.INK)
BARS = {
    verdict: chart.Style(chart.PALE if verdict == Verdict.NOT_RESOLVED else style.colour, "square")
    for verdict, style in chart.VERDICTS.items()
}


def draw_curve(panel: chart.Panel, curve: OrderedSpecifications) -> int:
    """Draw Δβ of each specification in order; returns the number of interval limits outside the panel."""
    count, single = len(curve.rows), curve.groups == 1
    values = [number(row.value) for rows in curve.rows for row in rows]
    span = max(max(values) - min(values), max(map(abs, values)) / 5)
    least, most = min(values) - span, max(values) + span
    limits = [number(limit) for pair in curve.limits for limit in pair if known(limit)]
    shown = [min(max(end, least), most) for end in limits]
    panel.axes(chart.order_axis(count, ""), chart.linear_axis([*values, *shown], "Δβ", most=6, zero=True))
    panel.reference_line(0.0)
    size, order = max(3.0, min(9.0, 1.6 * panel.width / count)), range(1, count + 1)
    verdicts = [next(iter(counts)) if single else None for counts in curve.verdicts()]
    if single:
        for name, style in chart.VERDICTS.items():
            matching = [i for i in order if verdicts[i - 1] == name]
            faint = chart.Style(chart.faded(style.colour, 0.45), width=max(1.0, size / 4))
            panel.intervals(matching, [curve.limits[i - 1] for i in matching], faint)
    else:
        panel.intervals(order, curve.limits, RANGE)
        panel.intervals(order, curve.quartiles, chart.Style(chart.MEDIUM, width=max(1.5, size / 2)))
    for verdict in dict.fromkeys(verdicts):
        matching = [i for i in order if verdicts[i - 1] == verdict]
        panel.points(
            matching,
            [curve.medians[i - 1] for i in matching],
            replace(chart.verdict_style(verdict) if single else MEDIAN, size=size),
            details=[_described(curve.rows[i - 1][0], verdict) for i in matching],
            hover="Δβ = %{y}<br>%{customdata}",
        )
    panel.points(curve.default, [curve.medians[i - 1] for i in curve.default], DEFAULT)
    low, high = (significant(pick(curve.medians), 2) for pick in (min, max))
    numbers = {verdict: verdicts.count(verdict) for verdict in COUNTED}
    counts = ", ".join(f"{many} {COUNTED[verdict][many != 1]}" for verdict, many in numbers.items() if many)
    extent = low if low == high else f"{low} to {high}"
    summary = f"Δβ {extent}; {counts}" if single else f"median Δβ {extent}"
    panel.heading(curve.name, f"{curve.series.label}, {count} specifications", summary)
    return sum(not least <= end <= most for end in limits)


def _described(row: SpecificationRow, verdict: str | None) -> str:
    levels = [(choice, getattr(row, choice)) for choice in CHOICES]
    words = [choice_words(choice, level) for choice, level in levels if level is not None]
    return "<br>".join([*words, chart.verdict_words(verdict)] if verdict else words)


def draw_shares(panel: chart.Panel, curve: OrderedSpecifications) -> None:
    """Draw the share of groups with each verdict under each specification."""
    panel.axes(
        chart.order_axis(len(curve.rows), ""), chart.linear_axis([0, 1], "groups (share)", most=4, pad=0.0)
    )
    for verdict, style in BARS.items():
        share = [counts[verdict] / counts.total() for counts in curve.verdicts()]
        panel.stacked_bars(
            share, style.colour, chart.HATCHING[verdict], f"{chart.verdict_words(verdict)}: %{{y:.0%}}"
        )


def draw_matrix(
    panel: chart.Panel, curve: OrderedSpecifications, choices: Mapping[str, Sequence[Any]]
) -> None:
    """Draw the choices of each specification, with one line per level of a choice."""
    lines = [(choice, level) for choice in choices for level in (HEADING, *choices[choice])]
    height = {line: float(i) for i, line in enumerate(lines)}
    names = [
        f"<b>{choice_name(choice)}</b>" if level is HEADING else level_words(level) for choice, level in lines
    ]
    count = len(curve.rows)
    y = chart.names_axis(names, margin=0.8, size=NAME_SIZE, lines=True)
    panel.axes(chart.order_axis(count, "specifications in order of Δβ"), y)
    ticks = [
        (position, height[choice, getattr(rows[0], choice)])
        for position, rows in enumerate(curve.rows, start=1)
        for choice in choices
    ]
    positions, heights = ([tick[axis] for tick in ticks] for axis in (0, 1))
    tick_width = max(1.0, min(7.0, 0.8 * panel.width / count))
    panel.points(positions, heights, chart.Style(chart.INK, "line-ns", size=5.5, width=tick_width))
    half_width = max(0.5, 2.0 * count / panel.width)
    for position in curve.default:
        panel.vertical_band(position - half_width, position + half_width, "rgba(0,0,0,0.10)")
