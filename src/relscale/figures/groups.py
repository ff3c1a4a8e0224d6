"""How the groups of a suite are drawn: each in a style of its own, or all in grey where they are too many."""

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from relscale.figures import chart
from relscale.figures.data import Row, Suite

ONE_OF_MANY = chart.Style(chart.MEDIUM)


def group_styles(
    suite: Suite, grey: chart.Style = ONE_OF_MANY, *, baseline: bool = True
) -> dict[str, chart.Style]:
    """The style of each group, ``grey`` where they are too many; without the baseline where it is not drawn."""
    styles = dict.fromkeys(suite.labels, grey)
    if not suite.is_crowded:
        styles = chart.styles(suite.labels, suite.baseline)
    return {group: style for group, style in styles.items() if baseline or group != suite.baseline}


def group_keys(
    suite: Suite, styles: Mapping[str, chart.Style], mode: str = "lines+markers"
) -> list[chart.Key]:
    """A key for each group, or one for all."""
    if suite.is_crowded:
        return [chart.Key(f"one of {len(styles)} groups", next(iter(styles.values())), mode)]
    return [chart.Key(suite.labels[group], style, mode, group) for group, style in styles.items()]


def medians(rows: Iterable[Row], by: str, column: str) -> dict[Any, float]:
    """The median of a column by another, in ascending order of that one."""
    values: dict[Any, list[float]] = {}
    for row in rows:
        values.setdefault(row[by], []).append(row[column])
    return {key: median(values[key]) for key in sorted(values)}
