"""The data of one group's forecast: observations, the law fitted to them, forecasts and candidates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from relscale.figures.chart.numbers import known, number
from relscale.figures.data import LAWS, CurvePoint, FigureData, Quantity, Series, Suite
from relscale.figures.law_lines import LawLine, law_line
from relscale.figures.row_filter import OfCurve
from relscale.fitting.forecasts.candidates import ENSEMBLE
from relscale.fitting.forecasts.forecast import ForecastRow

NEAR = 1.5  # the level of the baseline is shown where it makes the axis no longer than that


@dataclass(frozen=True)
class GroupForecast:
    """A group's observations, forecasts and law.

    Attributes
    ----------
    points
        The observations, of a ratio or an error.
    forecasts, candidates
        The ensemble's forecasts, and those of each candidate.
    line
        The law through all data, as far as the targets.
    verdict
        On the gap inside the data; None of an error.
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
    def shown(self) -> list[float]:
        """The values that the axis holds; an interval as far as it does not dwarf all else."""
        candidates = [row for rows in self.candidates.values() for row in rows]
        ends = [self.line.value[0], self.line.value[-1]] if self.line else []
        forecasts = (number(row.value) for row in (*candidates, *self.forecasts))
        values = [*(point.value for point in self.points), *forecasts, *ends]
        if min(values) <= 0:
            return values
        reach = (max(values) / min(values)) ** 3
        limits = [
            number(end) for row in self.forecasts for end in (row.low, row.high) if known(row.low, row.high)
        ]
        return values + [min(max(end, min(values) / reach), max(values) * reach) for end in limits]

    @property
    def is_cut(self) -> bool:
        """Whether an interval goes beyond what the axis holds."""
        least, most = min(self.shown), max(self.shown)
        return any(
            number(row.low) < least or number(row.high) > most
            for row in self.forecasts
            if known(row.low, row.high)
        )

    @property
    def is_near_baseline(self) -> bool:
        """Whether the ratio's 1 makes the axis not much longer."""
        least, most = min(self.shown), max(self.shown)
        reach = math.log(most / least) if least > 0 else 0.0
        return math.log(max(most, 1.0) / min(least, 1.0)) < NEAR * reach if least > 0 else False


def group_forecast(
    data: FigureData,
    suite: Suite,
    series: Series,
    group: str,
    quantity: Quantity,
    rows: Sequence[ForecastRow],
) -> GroupForecast:
    """The forecasts of one group among ``rows``, with what they were made from."""
    key: OfCurve = {**series.key, **suite.key, "group": group}
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
    """Series and groups with a forecast, the largest gap first."""
    size: dict[tuple[str | None, str | None, str], float] = {}
    for row in forecasts:
        key = (row.corpus, row.optimizer, str(row.group))
        size[key] = max(size.get(key, 0.0), abs(math.log(number(row.value))))
    series = {(known_series.corpus, known_series.optimizer): known_series for known_series in data.series}
    ordered = sorted(size, key=lambda key: (-size[key], str(key)))
    return [(series[key[:2]], key[2]) for key in ordered if key[:2] in series]
