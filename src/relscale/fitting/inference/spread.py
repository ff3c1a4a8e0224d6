"""Means and standard deviations over the known values of an array."""

import numpy as np
from numpy.typing import NDArray


def known_mean(values: NDArray[np.float64], known: NDArray[np.bool_], axis: int = 0) -> NDArray[np.float64]:
    """Mean of the ``known`` values over an axis; nan without one."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, values, 0).sum(axis=axis) / known.sum(axis=axis))


def spread(replicates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation over the last axis without nan; nan if fewer than two values remain."""
    known = np.isfinite(replicates)
    count = known.sum(axis=-1)
    mean = known_mean(replicates, known, -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = np.where(known, (replicates - mean[..., None]) ** 2, 0).sum(axis=-1)
        return np.where(count > 1, np.sqrt(squares / (count - 1)), np.nan)
