"""Persistence: the forecast is the last observed value.

    ln y(F) = ln y(F_max)

For a ratio: the gap neither closes nor widens. It estimates no parameters, so it is hard to beat far from the data.
"""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.scales import Scales


def last_value(value: Floats) -> Floats:
    """(J,) the last number of each column of ``value`` (P, J), in ascending compute; nan if there is none."""
    known = np.isfinite(value)
    last = len(value) - 1 - np.argmax(known[::-1], axis=0)
    return np.asarray(value[last, np.arange(value.shape[1])])


def persistence(known: Scales, value: Floats, at: Scales) -> Floats:
    """(Q, J) the value of each column of ``value`` (P, J) at the largest compute that has one; among equals, the most
    tokens."""
    order = np.lexsort((known.log_tokens, known.log_flops))
    return np.broadcast_to(last_value(value[order]), (len(at), value.shape[1])).copy()
