"""Lines in logarithms: through all or the last points, a damped recent trend, half of the slope, a plane.

    power law      ln y = level + slope · (x − mean x),    x = ln F
    damped trend   ln y = l + b · τ · (1 − e^{−d/τ}),      d = x − x_max
    Theta          ln y = l + s / 2 · d,                   s the slope of the power law
    last line      ln y = level + slope · (x − mean x)     through the points of the last two or three computes
    plane          ln y = l + b · ln F + c · ln (D / N)    with the weights of the damped trend

l and b are level and slope at x_max of a line with weights ``e^{−(x_max − x) / h}``. h is half the range of the data,
and τ the whole range, so that the damped trend extrapolates by at most b times that range, however far the forecast. Up
to x_max the damped trend is its line.

Gardner & McKenzie, *Management Science* 31 (1985), for the damped trend, there at equal steps of time;
Assimakopoulos & Nikolopoulos, *International Journal of Forecasting* 16 (2000), for Theta.
"""

import numpy as np

from relscale.fitting.curves.equal_columns import equal_columns
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.scales import Scales
from relscale.fitting.inference.log_log_lines import lines
from relscale.laws.linear_terms import least_squares

MEMORY = 0.5  # h, in ranges of the data
CARRY = 1.0  # τ, in ranges of the data
SMALLEST_PLANE = 6
SAME = 1e-6  # in ln F: difference of two equal computes


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


def last_line(computes: int, known: Scales, value: Floats, at: Scales) -> Floats:
    """(Q, J) the lines through the points of the last ``computes`` computes of each curve; nan if there are fewer."""
    result = np.full((len(at), value.shape[1]), np.nan)
    for used, which in equal_columns(np.isfinite(value)):
        distinct = np.unique(np.round(known.log_flops[used] / SAME)) * SAME
        if len(distinct) >= computes:
            last = used & (known.log_flops >= distinct[-computes] - SAME)
            slope, level = np.polyfit(known.log_flops[last] - known.log_flops.max(), value[last][:, which], 1)
            result[:, which] = level + slope * (at.log_flops - known.log_flops.max())[:, None]
    return result


def plane(known: Scales, value: Floats, at: Scales) -> Floats:
    """(Q, J) planes of ln F and ln D/N; nan with fewer than six points, or if N and D are determined by compute."""
    result = np.full((len(at), value.shape[1]), np.nan)
    shape, ahead = known.log_tokens - known.log_params, at.log_tokens - at.log_params
    usable = np.isfinite(shape)[:, None] & np.isfinite(value)
    for used, which in equal_columns(usable):
        if used.sum() < SMALLEST_PLANE or not known.take(used).shapes_differ:
            continue
        x = known.log_flops[used]
        root = np.exp((x - x.max()) / (2 * MEMORY * max(np.ptp(x), 1e-9)))[:, None]
        design = np.stack([np.ones_like(x), x - x.max(), shape[used]], axis=1)
        plane_of = least_squares(root * design, root * value[used][:, which])
        result[:, which] = np.stack([np.ones(len(at)), at.log_flops - x.max(), ahead], axis=1) @ plane_of
    return result


def _recent(known: Scales, value: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Level and slope of each curve's recent line at its end, the position of this end, and the range of its points,
    (J,).
    """
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
