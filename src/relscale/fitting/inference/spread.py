"""Standard deviation over replicates."""

import numpy as np
from numpy.typing import NDArray


def spread(replicates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation over the last axis without nan; nan if fewer than two values remain."""
    known = np.isfinite(replicates)
    count = known.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, replicates, 0).sum(axis=-1) / count
        squares = np.where(known, (replicates - mean[..., None]) ** 2, 0).sum(axis=-1)
        return np.where(count > 1, np.sqrt(squares / (count - 1)), np.nan)
