"""Vertical intervals side by side at the right of a panel, in place of overlapping bands."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from relscale.figures.chart.numbers import estimate
from relscale.figures.chart.panel import Panel
from relscale.figures.chart.style import Style

START, STEP = 12.0, 8.0  # pixels from the last point to the first interval, and between intervals


class StripInterval(NamedTuple):
    """A value with its interval; ``name`` is shown on hover, ``group`` is its legend group."""

    value: float
    low: float
    high: float
    style: Style
    name: str
    group: str


def interval_strip(panel: Panel, last: float, intervals: Sequence[StripInterval]) -> None:
    """Draw intervals to the right of ``last``, the largest x of the points."""
    for position, (value, low, high, style, name, group) in enumerate(intervals):
        panel.points(
            [panel.shifted_x(last, START + STEP * position)],
            [value],
            replace(style, size=6, width=1.6, opacity=1),
            low=[low],
            high=[high],
            cap_width=0,
            hover=f"{name}: {estimate(value, low, high)}",
            name=name,
            group=group,
        )


def strip_width(intervals: int) -> float:
    """Pixels that `interval_strip` needs to the right of the last point."""
    return START + STEP * intervals if intervals else 0.0
