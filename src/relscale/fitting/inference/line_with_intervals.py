"""A straight line with every interval that a question needs, for these items.

The t interval of the last stage; where points are checkpoints of shared trainings it is that of the jackknife over
trainings (``relscale.fitting.inference.log_log_lines``, ``relscale.fitting.inference.interval``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.inference import interval
from relscale.fitting.inference.direction import direction
from relscale.fitting.inference.interval import Interval
from relscale.fitting.inference.log_log_lines import SMALLEST, Lines, lines


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
        """Whether the gap whose logarithm is line ``at`` closes or widens (``inference.direction``)."""
        slope, ends = self.slope, self.ends
        return direction((slope.low[at], slope.high[at]), [(end.low[at], end.high[at]) for end in ends])

    def status(self, *at: int) -> str:
        """ "ok", or why line ``at`` has no interval or none to trust."""
        n, trainings = int(self.line.n[at]), self.line.blocks
        if n < SMALLEST:
            return f"{n} points, and an interval needs {SMALLEST}"
        if trainings is not None and trainings[at] < interval.FEWEST_BLOCKS:
            return f"too few training runs behind the points for a reliable interval: {trainings[at]:.0f}"
        return "ok" if np.isfinite(self.slope.low[at]) else "no spread of compute to fit a slope to"


def trend(x: Floats, y: Floats, noise: Floats, blocks: Sequence[str], level: float) -> Trend:
    """Lines through y (P, ...) on x (P,), nan points left out; ``blocks`` (P,) names the training of each point."""
    return trend_of(lines(x, y, noise, blocks), level)


def trend_of(estimate: Lines, level: float) -> Trend:
    """Lines with the intervals of their slopes and ends."""
    low, middle, high = (
        interval.level_at(estimate, at, level) for at in (estimate.low, estimate.reference, estimate.high)
    )
    return Trend(estimate, interval.slope(estimate, level), (low, middle, high))
