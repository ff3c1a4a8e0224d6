"""Fitted power laws as curves over compute, with their intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from relscale.figures.chart.numbers import estimate, known, number
from relscale.figures.data import FittedParameter
from relscale.figures.select import ESTIMANDS

POINTS = 17  # points of a line and its band
SLOPES = {"beta": -1, "delta_beta": 1, "exponent": 1}  # the sign of each in the law's log-log slope
NAMES = {"beta": "β", "delta_beta": "Δβ"}


@dataclass(frozen=True)
class LawLine:
    """A fitted power law over the range it was fitted on.

    Attributes
    ----------
    low, high
        Limits of the interval at each of ``flops``; None without an interval.
    estimand
        Estimand of the interval: ``these items``, ``item population`` or ``validation loss``.
    """

    flops: list[float]
    value: list[float]
    low: list[float] | None
    high: list[float] | None
    slope: FittedParameter
    estimand: str

    def words(self, name: str = "") -> str:
        """The exponent with its interval and verdict: ``Δβ = −0.010 [−0.015, −0.005], widens``."""
        low, high = (self.slope.low, self.slope.high) if self.low else (None, None)
        verdict = f", {self.slope.verdict}" if self.slope.verdict else ""
        name = name or NAMES.get(str(self.slope.parameter), str(self.slope.parameter))
        return f"{name} = {estimate(number(self.slope.value), low, high)}{verdict}"


def law_line(
    rows: Sequence[FittedParameter],
    flops: Sequence[float],
    estimand: str | None = None,
    reference: float | None = None,
) -> LawLine | None:
    """The fitted law of one group over the range of ``flops``, with its interval.

    ``ln y(F) = ln y(F_ref) + s·z`` with ``z = ln(F / F_ref)``. The half-width of its interval at F is ``√(h_ref² +
    2ρ·h_ref·h_s·z + (h_s·z)²)`` with ``h_ref`` and ``h_s`` the half-widths of the two parameters' intervals and ρ the
    correlation of their estimates. ρ is 0 for independent points of equal variance, but not for checkpoints that share
    trainings, nor for the item population; there the two parameters' quantiles differ slightly, which is neglected.

    Parameters
    ----------
    rows
        Fit rows: a slope (``beta``, ``delta_beta`` or ``exponent``) and a level (``…_at_reference``).
    flops
        Training FLOPs of the fitted points, or their values of another predictor.
    estimand
        Estimand of the interval; by default the most general one with an interval.
    reference
        ``F_ref``; by default the rows' ``reference_flops``.

    Returns
    -------
    LawLine or None
        None without a fit.
    """
    positive = [value for value in flops if value and value > 0]
    lines = []
    for candidate in (estimand,) if estimand else ESTIMANDS:
        same = [row for row in rows if row.estimand == candidate]
        slope = next((row for row in same if row.parameter in SLOPES), None)
        level = next((row for row in same if str(row.parameter).endswith("_at_reference")), None)
        if slope and level and positive and known(slope.value, level.value) and number(level.value) > 0:
            f_ref = reference or number(level.reference_flops)
            lines.append(_line(slope, level, min(positive), max(positive), f_ref, str(candidate)))
    return next((line for line in lines if line.low), lines[0] if lines else None)


def _line(
    slope: FittedParameter,
    level: FittedParameter,
    first: float,
    last: float,
    reference: float,
    estimand: str,
) -> LawLine:
    sign = SLOPES[str(slope.parameter)]
    exponent = sign * number(slope.value)
    flops = [first * (last / first) ** (i / (POINTS - 1)) for i in range(POINTS)]
    log_distance = [math.log(value / reference) for value in flops]
    value = [number(level.value) * math.exp(exponent * z) for z in log_distance]
    if not known(slope.low, slope.high, level.low, level.high) or number(level.low) <= 0:
        return LawLine(flops, value, None, None, slope, estimand)
    half_slope = (number(slope.high) - number(slope.low)) / 2
    half_level = math.log(number(level.high) / number(level.low)) / 2
    covariance = 2 * sign * (slope.correlation or 0.0) * half_level * half_slope
    half_width = [
        math.sqrt(max(half_level**2 + covariance * z + (half_slope * z) ** 2, 0.0)) for z in log_distance
    ]
    lower = [y * math.exp(-h) for y, h in zip(value, half_width, strict=True)]
    upper = [y * math.exp(h) for y, h in zip(value, half_width, strict=True)]
    return LawLine(flops, value, lower, upper, slope, estimand)
