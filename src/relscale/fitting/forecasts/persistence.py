"""Persistence: the last observed value stays.

    ln y(F) = ln y(F_max)

Of a ratio: the gap neither closes nor widens. It estimates nothing, so far from the data it is hard to beat.
"""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.scales import Scales


def persistence(known: Scales, value: Floats, at: Scales) -> Floats:
    """(Q, J) the value of each column of ``value`` (P, J) at the largest compute that has one; among equals, the most
    tokens."""
    order = np.lexsort((known.log_tokens, known.log_flops))
    ordered = value[order]
    there = np.isfinite(ordered)
    last = len(order) - 1 - np.argmax(there[::-1], axis=0)
    found = ordered[last, np.arange(value.shape[1])]
    return np.broadcast_to(found, (len(at), value.shape[1])).copy()
