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

    A midpoint more than twice the data's range beyond them, or a rise a hundred times sharper than their range, can
    not be told from one at the bound.
    """
    low, high = float(loss.min()), float(loss.max())
    spread = high - low
    return [floor, low - 2 * spread, 0.0], [1.0, high + 2 * spread, 100 / spread]


def jacobian(loss: Array, ceiling: float, midpoint: float, slope: float, *, floor: float) -> Array:
    """Derivatives of the accuracy by ``PARAMETERS``: (n, 3)."""
    rise = expit(-slope * (loss - midpoint))
    steepness = (ceiling - floor) * rise * (1 - rise)
    return np.stack([rise, steepness * slope, -steepness * (loss - midpoint)], axis=1)


def starts(loss: Array, accuracy: Array, floor: float, count: int = 6) -> list[tuple[float, float, float]]:
    """The ``count`` best points of a grid of midpoints and slopes, each with its own least-squares ceiling."""
    low, high = float(loss.min()), float(loss.max())
    spread = high - low
    midpoints = np.linspace(low - 1.5 * spread, high + 0.5 * spread, 17)
    slopes = np.geomspace(0.5, 50, 9) / spread
    midpoint, slope = (grid.ravel() for grid in np.meshgrid(midpoints, slopes))
    rise = expit(-slope[:, None] * (loss - midpoint[:, None]))
    height = rise @ (accuracy - floor) / np.maximum((rise**2).sum(axis=1), 1e-300)
    ceiling = floor + (1 - floor) * np.clip(height / (1 - floor), 0.01, 0.99)
    misfit = ((floor + (ceiling - floor)[:, None] * rise - accuracy) ** 2).sum(axis=1)
    best = np.argsort(misfit, kind="stable")[:count]
    return [(float(ceiling[i]), float(midpoint[i]), float(slope[i])) for i in best]
