"""Straight lines in logs: the power law through all points, a recent trend that dies out, and half of the slope.

    power law      ln y = level + slope · (x − mean x),    x = ln F
    damped trend   ln y = l + b · τ · (1 − e^{−d/τ}),      d = x − x_max
    Theta          ln y = l + s / 2 · d,                   s the slope of the power law

l and b are level and slope at x_max of a line that weighs points by ``e^{−(x_max − x) / h}``. Half the range of the
data is h, the whole range τ: however far the forecast, the trend never carries it further than as much again as was
seen. Up to x_max the damped trend is its line.

Gardner & McKenzie, *Management Science* 31 (1985), for the damped trend, there at equal steps of time;
Assimakopoulos & Nikolopoulos, *International Journal of Forecasting* 16 (2000), for Theta.
"""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.scales import Scales
from relscale.fitting.inference.log_log_lines import lines

MEMORY = 0.5  # h, in ranges of the data
CARRY = 1.0  # τ, in ranges of the data


def power_law(known: Scales, value: Floats, at: Scales) -> Floats:
    """(Q, J) the least-squares lines of ``value`` (P, J), nan with fewer than three points."""
    return lines(known.log_flops, value).at(at.log_flops[:, None])


def damped_trend(known: Scales, value: Floats, at: Scales) -> Floats:
    """(Q, J) the damped trends of ``value`` (P, J), nan with fewer than three points."""
    level, slope, last, span = _recent(known, value)
    ahead = at.log_flops[:, None] - last
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = CARRY * span
        return np.asarray(level + slope * np.where(ahead > 0, tau * -np.expm1(-ahead / tau), ahead))


def theta(known: Scales, value: Floats, at: Scales) -> Floats:
    """(Q, J) the level at the end and half of the slope of all points, nan with fewer than three points."""
    level, _, last, _ = _recent(known, value)
    slope = lines(known.log_flops, value).slope
    return np.asarray(level + slope / 2 * (at.log_flops[:, None] - last))


def _recent(known: Scales, value: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Level and slope at the end of the recent line of each curve, where it ends, and the range of its points, (J,)."""
    x = known.log_flops[:, None]
    used = np.isfinite(value)
    last = np.where(used, x, -np.inf).max(axis=0)
    span = last - np.where(used, x, np.inf).min(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        span = np.where((used.sum(axis=0) >= 3) & (span > 0), span, np.nan)
        back = x - last
        w = np.where(used, np.exp(back / (MEMORY * span)), 0)
        y = np.where(used, value, 0)
        total = w.sum(axis=0)
        x_mean, y_mean = (w * back).sum(axis=0) / total, (w * y).sum(axis=0) / total
        z = back - x_mean
        slope = (w * z * y).sum(axis=0) / (w * z * z).sum(axis=0)
        return y_mean - slope * x_mean, slope, last, span
