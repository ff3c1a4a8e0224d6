"""A straight line with every interval that a question needs: plain, or by training where points share trainings.

Where each point is a training of its own these are the t intervals of ``relscale.fitting.interval``, for these items.
Checkpoints of one training are no independent points; there the interval is a t interval on the jackknife of whole
trainings (the "CR3" sandwich of ``relscale.fitting.bootstrap.blocks``), with G − 1 degrees of freedom for G trainings:

    V = (G − 1) / G · Σ_g (θ_(g) − θ)².
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from relscale.fitting import interval
from relscale.fitting.direction import direction
from relscale.fitting.interval import Interval
from relscale.fitting.ladder import Floats
from relscale.fitting.last_stage import Lines, lines


@dataclass(frozen=True)
class Trend:
    """Lines and their intervals; arrays (...) for lines through columns (P, ...).

    Attributes
    ----------
    line
        The least-squares lines.
    slope
        Of the slopes.
    ends
        Of the lines at the least, the mean and the largest x.
    """

    line: Lines
    slope: Interval
    ends: tuple[Interval, Interval, Interval]

    def direction(self, *at: int) -> str | None:
        """Whether the gap whose logarithm is line ``at`` closes or widens (``relscale.fitting.direction``)."""
        slope, ends = self.slope, self.ends
        return direction((slope.low[at], slope.high[at]), [(end.low[at], end.high[at]) for end in ends])


def trend(x: Floats, y: Floats, noise: Floats, blocks: Sequence[str], level: float) -> Trend:
    """Lines through y (P, ...) on x (P,), nan points left out; ``blocks`` (P,) names the training of each point."""
    estimate = lines(x, y, noise, blocks)
    low, middle, high = (
        interval.level_at(estimate, at, level) for at in (estimate.low, estimate.reference, estimate.high)
    )
    return Trend(estimate, interval.slope(estimate, level), (low, middle, high))


def jackknifed(value: Floats, without: Floats, present: NDArray[np.bool_], level: float) -> Interval:
    """t interval of ``value`` (...) from the values ``without`` (G, ...) each of the trainings that are ``present``."""
    number = present.sum(axis=0).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(present, without, 0).sum(axis=0) / number
        squares = np.where(present, (without - mean) ** 2, 0).sum(axis=0)
        stderr = np.sqrt((number - 1) / number * squares)
    df = np.where(number > 1, number - 1, np.nan)
    half = stdtrit(df, (1 + level) / 2) * stderr
    return Interval(value, stderr, value - half, value + half, df, np.ones_like(stderr))
