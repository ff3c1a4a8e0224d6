"""Persistence: the forecast is the last observed value.

    ln y(F) = ln y(F_max)

For a ratio: the gap neither closes nor widens. It estimates no parameters, so it is hard to beat far from the data.
"""

import numpy as np

from relscale.fitting.curves.last_value import last_value
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.scales import Scales


def persistence(known: Scales, value: Floats, at: Scales) -> Floats:
    """(Q, J) the value of each column of ``value`` (P, J) at the largest compute that has one; among equals, the most
    tokens."""
    order = np.lexsort((known.log_tokens, known.log_flops))
    return np.broadcast_to(last_value(value[order]), (len(at), value.shape[1])).copy()
