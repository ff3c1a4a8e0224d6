"""Sigmoid from loss to accuracy: accuracy rises from chance to a ceiling as the loss of the right answer falls.

    A(L) = floor + (ceiling − floor) / (1 + exp(slope · (L − midpoint)))

| parameter | unit | bounds |
|---|---|---|
| ``floor`` | share | fixed at chance, 1 / choices |
| ``ceiling`` | share | (floor, 1] |
| ``midpoint`` | the loss's: bits per byte, nats | (−∞, ∞) |
| ``slope`` | 1 / the loss's | (0, ∞); positive: less loss, more accuracy |

Identifiable only where the data bend: models near chance fix neither midpoint nor ceiling, and the fit then ends on a
bound or fails to converge, which is reported.

Source: Gadre et al., arXiv 2403.08540, and Held et al., arXiv 2510.24626, Figure 2.
"""

import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

NAME = "sigmoid"
PARAMETERS = ("ceiling", "midpoint", "slope")

Array = NDArray[np.float64]


def accuracy(loss: ArrayLike, ceiling: float, midpoint: float, slope: float, *, floor: float) -> Array:
    """The accuracy (a share) expected at ``loss``."""
    return floor + (ceiling - floor) * expit(-slope * (np.asarray(loss) - midpoint))


def bounds(loss: Array, floor: float) -> tuple[list[float], list[float]]:
    """Lower and upper bounds of ``PARAMETERS``.

    A midpoint more than twice the data's range beyond them, or a rise a thousand times sharper than their range, can
    not be told from one at the bound.
    """
    low, high = float(loss.min()), float(loss.max())
    spread = high - low
    return [floor, low - 2 * spread, 0.0], [1.0, high + 2 * spread, 1000 / spread]


def starts(loss: Array, floor: float) -> list[tuple[float, float, float]]:
    """Starting points: ceilings half-way and near 1, midpoints over the data and below, gentle and sharp rises."""
    low, high = float(loss.min()), float(loss.max())
    spread = high - low
    ceilings = (floor + 0.5 * (1 - floor), floor + 0.95 * (1 - floor))
    midpoints = (low - spread, low, (low + high) / 2, high)
    slopes = (1 / spread, 5 / spread, 25 / spread)
    return list(itertools.product(ceilings, midpoints, slopes))
