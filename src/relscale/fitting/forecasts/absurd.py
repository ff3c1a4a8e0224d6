"""Absurd forecasts: further from the known points of their curve than its own trend could be, with its noise.

    |ŷ − nearest known y| > R + d · (|b| + t · se_b),    R = max y − min y

in ln y and x = ln F, where b is the slope of the least-squares line of the curve's n known points, se_b its standard
error, t the 99% quantile of Student's t with n − 2 degrees of freedom (``steepest_slope``), and d the distance from the
known range of x.

The forecasts of a power law leave the known range by about |b| · d, and whether the noise of the points makes b steeper
or flatter than the truth is a coin flip: a limit in ranges of the known y, R · d / span, rejects half of them. With the
limit of the slope instead, the true power law is rejected in at most 1% of draws at any distance.
"""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.rolling_origins import Mask
from relscale.laws.steepest_slope import steepest_slope

SLACK = 1e-6  # of ln y, for rounding


def absurd(forecast: Floats, x: Floats, y: Floats, at: Floats) -> Mask:
    """(C, Q, J) whether forecasts of ln y at the ln F ``at`` (Q,) are absurd, from the known ln F (P,) and ln y (P, J).

    Each curve is compared with its own known points, where y is not nan.
    """
    own = np.where(np.isfinite(y), x[:, None], np.nan)
    with np.errstate(invalid="ignore"):
        least, most = np.fmin.reduce(y), np.fmax.reduce(y)
        first, last = np.fmin.reduce(own), np.fmax.reduce(own)
        distance = np.fmax(np.maximum(at[:, None] - last, first - at[:, None]), 0.0)
        reach = SLACK + (most - least) + distance * steepest_slope(x, y)
        return np.asarray((forecast < least - reach) | (forecast > most + reach))
