"""Last known value of each curve: the persistence forecast for all larger computes."""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats


def last_value(value: Floats) -> Floats:
    """(J,) the last number of each column of ``value`` (P, J), in ascending compute; nan if there is none."""
    known = np.isfinite(value)
    last = len(value) - 1 - np.argmax(known[::-1], axis=0)
    return np.asarray(value[last, np.arange(value.shape[1])])
