"""The interval score: width, plus a penalty for an observation outside; lower is better.

    S = (high − low) + 2/α · max(low − y, 0) + 2/α · max(y − high, 0),    α = 1 − level

Gneiting & Raftery, *J. American Statistical Association* 102 (2007), equation 43.
"""

import numpy as np
from numpy.typing import ArrayLike

from relscale.fitting.curves.run_matrix import Floats


def interval_score(low: ArrayLike, high: ArrayLike, observed: ArrayLike, level: float) -> Floats:
    """The score of limits and observations (broadcast), in their unit; nan if one is nan."""
    low, high, observed = (np.asarray(x, dtype=float) for x in (low, high, observed))
    outside = np.maximum(low - observed, 0) + np.maximum(observed - high, 0)
    return np.asarray((high - low) + 2 / (1 - level) * outside)
