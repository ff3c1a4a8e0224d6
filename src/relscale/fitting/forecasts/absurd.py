"""Absurd forecasts: further outside the known ln y of their curve than its range, or that times the distance.

For a forecast further beyond a curve's known ln F than these reach, the range is enlarged by the same factor.
"""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.rolling_origins import Mask

SLACK = 1e-6  # of ln y, for rounding
SMALLEST = 1e-9  # span of ln F


def absurd(forecast: Floats, x: Floats, y: Floats, at: Floats) -> Mask:
    """(C, Q, J) whether forecasts of ln y at the ln F ``at`` (Q,) are absurd, from the known ln F (P,) and ln y (P, J).

    Each curve is compared with its own known points, where y is not nan.
    """
    known = np.isfinite(y)
    low, high = (np.where(known, y, worst).reshape(y.shape) for worst in (np.inf, -np.inf))
    least, most = low.min(axis=0), high.max(axis=0)
    first, last = (
        np.where(known, x[:, None], np.inf).min(axis=0),
        np.where(known, x[:, None], -np.inf).max(axis=0),
    )
    with np.errstate(invalid="ignore"):
        times = np.maximum((at[:, None] - last) / np.maximum(last - first, SMALLEST), 1.0)
        reach = SLACK + (most - least) * times
        return np.asarray((forecast < least - reach) | (forecast > most + reach))
