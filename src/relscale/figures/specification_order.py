"""The specifications of a suite in ascending order of Δβ, or of its median over many groups."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from relscale.figures.chart.numbers import number
from relscale.figures.data import Series, distinct
from relscale.figures.suite import Suite
from relscale.fitting.analyses.specification import CHOICES, SpecificationRow
from relscale.fitting.verdicts.verdict import Verdict

NAMES = {"flops": "FLOPs", "degree": "parabola's degree", "form": "form of the gap"}
Limits = tuple[float | None, float | None]


@dataclass(frozen=True)
class OrderedSpecifications:
    """The specifications of a series in order, for one group or for all.

    Attributes
    ----------
    rows
        One list per specification, with one row per group.
    """

    name: str
    series: Series
    groups: int
    rows: list[list[SpecificationRow]]

    @property
    def medians(self) -> list[float]:
        """The median Δβ over groups under each specification."""
        return [median(_values(rows)) for rows in self.rows]

    @property
    def limits(self) -> list[Limits]:
        """The interval of one group under each specification; for several groups, the smallest and largest Δβ."""
        if self.groups == 1:
            return [(rows[0].low, rows[0].high) for rows in self.rows]
        return [(min(_values(rows)), max(_values(rows))) for rows in self.rows]

    @property
    def quartiles(self) -> list[Limits]:
        """The lower and upper quartile of Δβ over groups under each specification."""
        return [_quartiles(_values(rows)) for rows in self.rows]

    @property
    def default(self) -> list[int]:
        """The positions of the default analysis, counted from 1."""
        return [position for position, rows in enumerate(self.rows, start=1) if rows[0].default]

    def verdicts(self) -> list[Counter[str]]:
        """The number of groups with each verdict under each specification; a missing verdict is counted as not
        resolved.
        """
        return [Counter(row.verdict or Verdict.NOT_RESOLVED for row in rows) for rows in self.rows]


def ordered_specifications(
    suite: Suite, series: Series, rows: Sequence[SpecificationRow], group: str | None
) -> OrderedSpecifications:
    """The specifications of one group, or of all, in ascending order of their median Δβ."""
    rows = [row for row in rows if group in (None, row.group)]
    specifications: dict[Any, list[SpecificationRow]] = {}
    for row in rows:
        choices = tuple(getattr(row, choice) for choice in CHOICES)
        specifications.setdefault(choices, []).append(row)
    ordered = sorted(specifications.values(), key=lambda rows: median(_values(rows)))
    groups = len({row.group for row in rows})
    name = suite.labels.get(group, group) if group else f"{groups} groups"
    return OrderedSpecifications(f"{name} against {suite.baseline_label}", series, groups, ordered)


def largest_first(rows: Sequence[SpecificationRow]) -> list[str]:
    """Groups in descending order of the size of their Δβ, by the default analysis if that is known."""
    size: dict[str, float] = {}
    for row in sorted(rows, key=lambda row: not row.default):
        size.setdefault(str(row.group), abs(number(row.value)))
    return sorted(size, key=lambda group: (-size[group], group))


def levels_of_choices(rows: Sequence[SpecificationRow]) -> dict[str, list[Any]]:
    """The levels of every choice, sorted."""
    return {
        choice: sorted(
            distinct(getattr(row, choice) for row in rows), key=lambda level: (level is None, str(level))
        )
        for choice in CHOICES
    }


def choice_words(choice: str, level: Any) -> str:
    """A choice and its level in words."""
    return f"{choice_name(choice)}: {level_words(level)}"


def choice_name(choice: str) -> str:
    """The name of a choice in words."""
    return NAMES.get(choice, choice)


def level_words(level: Any) -> str:
    """The level of a choice in words."""
    return "not used" if level is None else str(level).replace("_", " ")


def _values(rows: Sequence[SpecificationRow]) -> list[float]:
    return [number(row.value) for row in rows]


def _quartiles(values: Sequence[float]) -> Limits:
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high
