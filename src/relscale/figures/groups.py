"""Styles of a suite's groups: one style per group, or grey for all if there are too many."""

from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Any, TypeVar

from relscale.figures import chart
from relscale.figures.chart.numbers import number
from relscale.figures.suite import Suite

R = TypeVar("R")

MANY_GROUPS = chart.Style(chart.MEDIUM)


def group_styles(
    suite: Suite, grey: chart.Style = MANY_GROUPS, *, baseline: bool = True
) -> dict[str, chart.Style]:
    """Style of each group, ``grey`` if there are too many; without the baseline if it is not drawn."""
    styles = dict.fromkeys(suite.labels, grey)
    if not suite.is_crowded:
        styles = chart.styles(suite.labels, suite.baseline)
    return {group: style for group, style in styles.items() if baseline or group != suite.baseline}


def group_keys(
    suite: Suite, styles: Mapping[str, chart.Style], mode: str = "lines+markers"
) -> list[chart.Key]:
    """Legend entries: one per group, or one for all."""
    if suite.is_crowded:
        return [chart.Key(f"one of {len(styles)} groups", next(iter(styles.values())), mode)]
    return [chart.Key(suite.labels[group], style, mode, group) for group, style in styles.items()]


def medians(
    rows: Iterable[R], by: Callable[[R], float | str | None], value: Callable[[R], float | None]
) -> dict[Any, float]:
    """The median ``value`` of the rows with each value of ``by``, in ascending order of the latter."""
    values: dict[Any, list[float]] = {}
    for row in rows:
        values.setdefault(by(row), []).append(number(value(row)))
    return {key: median(values[key]) for key in sorted(values)}
