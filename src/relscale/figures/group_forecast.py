"""The data of one group's forecast: observations, the law fitted to them, forecasts and candidates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from relscale.figures.chart.numbers import known, number
from relscale.figures.data import LAWS, CurvePoint, FigureData, Quantity, Series
from relscale.figures.law_lines import LawLine, law_line
from relscale.figures.row_filter import CurveFilter
from relscale.figures.suite import Suite
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import ForecastRow

NEAR = 1.5  # the ratio 1 is shown if it lengthens the axis by less than this factor


@dataclass(frozen=True)
class GroupForecast:
    """A group's observations, forecasts and law.

    Attributes
    ----------
    points
        The observed ratios or errors.
    forecasts, candidates
        The ensemble's forecasts, and those of each candidate.
    line
        The law fitted to all data, up to the last target.
    verdict
        Verdict on the gap inside the data; None for an error.
    """

    series: Series
    group: str
    points: Sequence[CurvePoint]
    forecasts: Sequence[ForecastRow]
    candidates: Mapping[str, Sequence[ForecastRow]]
    line: LawLine | None
    verdict: str | None

    @property
    def flops(self) -> list[float]:
        """The compute of observations and targets."""
        return [
            *(point.flops for point in self.points),
            *(number(row.training_flops) for row in self.forecasts),
        ]

    @cached_property
    def axis_values(self) -> list[float]:
        """The values that the axis includes; wide intervals are clipped."""
        candidates = [row for rows in self.candidates.values() for row in rows]
        ends = [self.line.value[0], self.line.value[-1]] if self.line else []
        forecasts = (number(row.value) for row in (*candidates, *self.forecasts))
        values = [*(point.value for point in self.points), *forecasts, *ends]
        if min(values) <= 0:
            return values
        factor = (max(values) / min(values)) ** 3
        limits = [
            number(end) for row in self.forecasts for end in (row.low, row.high) if known(row.low, row.high)
        ]
        return values + [min(max(end, min(values) / factor), max(values) * factor) for end in limits]

    @property
    def is_clipped(self) -> bool:
        """Whether an interval extends beyond the values of the axis."""
        least, most = min(self.axis_values), max(self.axis_values)
        return any(
            number(row.low) < least or number(row.high) > most
            for row in self.forecasts
            if known(row.low, row.high)
        )

    @property
    def is_near_baseline(self) -> bool:
        """Whether the axis of ratios is not much longer with 1."""
        least, most = min(self.axis_values), max(self.axis_values)
        if least <= 0:
            return False
        return math.log(max(most, 1.0) / min(least, 1.0)) < NEAR * math.log(most / least)


def group_forecast(
    data: FigureData,
    suite: Suite,
    series: Series,
    group: str,
    quantity: Quantity,
    rows: Sequence[ForecastRow],
) -> GroupForecast:
    """The forecasts of one group among ``rows``, with the group's observations and law."""
    key: CurveFilter = {**series.key, **suite.key, "group": group}
    points = data.points(quantity, **key)
    rows = [row for row in rows if row.group == group and known(row.value)]
    ensembles = [row for row in rows if row.candidate == ENSEMBLE]
    candidates: dict[str, list[ForecastRow]] = {}
    for row in rows:
        if row.candidate != ENSEMBLE:
            candidates.setdefault(str(row.candidate), []).append(row)
    flops = [*(point.flops for point in points), *(number(row.training_flops) for row in ensembles)]
    line = law_line(data.law_rows(**key, law=LAWS[quantity]), flops)
    verdict = data.verdict(ensembles[0]) if quantity == "ratio" else None
    return GroupForecast(series, group, points, ensembles, candidates, line, verdict)


def largest_first(data: FigureData, forecasts: Sequence[ForecastRow]) -> list[tuple[Series, str]]:
    """Series and groups with a forecast, in descending order of their gap."""
    size: dict[tuple[str | None, str | None, str], float] = {}
    for row in forecasts:
        key = (row.corpus, row.optimizer, str(row.group))
        size[key] = max(size.get(key, 0.0), abs(math.log(number(row.value))))
    by_key = {(series.corpus, series.optimizer): series for series in data.series}
    ordered = sorted(size, key=lambda key: (-size[key], str(key)))
    return [(by_key[key[:2]], key[2]) for key in ordered if key[:2] in by_key]
