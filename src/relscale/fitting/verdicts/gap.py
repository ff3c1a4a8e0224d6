"""One gap as the table ``fits`` describes it: the line of ln G over ln F, and the compute where G = 1."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from relscale.fitting.analyses.crossing import PARAMETER as CROSSING
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.method import WITHIN_BUDGETS, Method
from relscale.fitting.inference.parameter_row import ParameterRow
from relscale.fitting.keys import Key, key_of
from relscale.fitting.verdicts.verdict import Limits, Verdict, change_per_tenfold, verdict
from relscale.laws import relative

MAX_LOG = 700  # the exponential of a larger logarithm overflows


@dataclass(frozen=True)
class Gap:
    """The rows of one ratio: its Δβ, its level and its crossing, if they are known."""

    slope: ParameterRow
    level: ParameterRow | None
    crossing: ParameterRow | None

    @property
    def delta_beta(self) -> float:
        """Δβ; NaN if there is none."""
        value = self.slope.value
        return value if value is not None and math.isfinite(value) else math.nan

    @property
    def change(self) -> tuple[float | None, float | None, float | None]:
        """The change of the ratio per tenfold of compute, with its limits."""
        value, low, high = map(change_per_tenfold, (self.slope.value, self.slope.low, self.slope.high))
        return value, low, high

    @property
    def ends(self) -> Limits:
        """G on the fitted line at the smallest and at the largest compute."""
        return self._ratio(self.slope.flops_low), self._ratio(self.slope.flops_high)

    @property
    def halving_factor(self) -> float | None:
        """``ln G / 2 = ln G + Δβ · ln factor``, if Δβ and ln G differ in sign."""
        last = self.ends[1]
        if not last or not math.isfinite(self.delta_beta) or self.delta_beta == 0:
            return None
        exponent = -math.log(last) / (2 * self.delta_beta)
        return math.exp(exponent) if 0 < exponent < MAX_LOG else None

    def verdict(self, p_bh: float, level: float, margin: float) -> Verdict | None:
        """The verdict at the adjusted p-value; ``level`` is that of a slope that states none."""
        slope, crossing = self.slope, self.crossing
        crosses = crossing is not None and crossing.value is not None
        return verdict(
            None if math.isnan(p_bh) else p_bh,
            slope.level or level,
            slope.interval_direction,
            (crossing.low, crossing.high) if crossing is not None and crosses else (None, None),
            (slope.flops_low, slope.flops_high),
            self.change[1:],
            margin,
        )

    def _ratio(self, flops: float | None) -> float | None:
        level = self.level
        if level is None or not level.value or level.reference_flops is None or flops is None:
            return None
        log_ratio = math.log(level.value) + self.delta_beta * math.log(flops / level.reference_flops)
        return math.exp(log_ratio) if abs(log_ratio) < MAX_LOG else None


def gaps(parameters: Iterable[ParameterRow]) -> dict[Key, Gap]:
    """The gaps of the table ``fits``, by their curves."""
    rows = list(parameters)
    levels, crossings = _of_curves(rows, relative.LINE.level), _of_curves(rows, CROSSING)
    return {
        key: Gap(slope, levels.get(key), crossings.get(key))
        for key, slope in _of_curves(rows, relative.LINE.slope).items()
    }


def _of_curves(parameters: Iterable[ParameterRow], parameter: str) -> dict[Key, ParameterRow]:
    """One row per ratio: that for the population of the items if it has an interval, else that for these items."""
    by_curve: dict[Key, ParameterRow] = {}
    for row in parameters:
        if row.parameter != parameter or row.fit is not None or row.baseline is None:
            continue
        if row.method == Method.PARTIAL_POOLING or row.method in WITHIN_BUDGETS:
            continue
        if row.estimand == Estimand.INDEPENDENT_ITEMS:
            continue
        key = key_of(row)
        before = by_curve.get(key)
        better = row.estimand == Estimand.ITEM_POPULATION and _has_limit(row)
        if before is None or better or (not _has_limit(before) and _has_limit(row)):
            by_curve[key] = row
    return by_curve


def _has_limit(row: ParameterRow) -> bool:
    return any(limit is not None and math.isfinite(limit) for limit in (row.low, row.high))
