"""Starting points of laws that are linear in some parameters: a grid of the others, these by least squares.

For each grid point the best coefficients c of ``y ≈ columns · c`` are one small linear system; the grid points are
ranked by what is left of y. So only the shape of a law needs guesses, never its scale, and no units are assumed.
"""

import numpy as np
from numpy.typing import NDArray

from relscale.laws.law import Array

COUNT = 6  # starting points kept
LEAST = 1e-3  # share of the spread of y that a term of a start keeps, since amplitudes are searched in logs


def profiled(columns: Array, y: Array, count: int = COUNT) -> tuple[Array, NDArray[np.int64]]:
    """The best grid points, and their coefficients, all of them made positive.

    Parameters
    ----------
    columns
        (g, n, k): what each of k coefficients is multiplied with, at g grid points.
    y
        (n,)

    Returns
    -------
    coefficients, best
        (k, s) and (s,): s = min(count, g) grid points by their misfit, least first.
    """
    coefficients = solved(columns, y)
    spread = max(float(np.ptp(y)), 1e-12 * float(np.abs(y).max()), 1e-300)
    size = np.abs(columns).max(axis=1)
    least = LEAST * spread / np.where(size > 0, size, 1)
    coefficients = np.maximum(coefficients, least)
    misfit = ((np.einsum("gnk,gk->gn", columns, coefficients) - y) ** 2).sum(axis=1)
    best = np.argsort(np.where(np.isfinite(misfit), misfit, np.inf), kind="stable")[:count]
    return coefficients[best].T, best


def solved(columns: Array, y: Array) -> Array:
    """Least-squares coefficients (g, k) of ``y ≈ columns · c``; zero where the columns overflow."""
    finite = np.isfinite(columns).all(axis=(1, 2))
    inverse = np.linalg.pinv(np.where(finite[:, None, None], columns, 0.0), rcond=1e-12)
    return np.asarray(inverse @ y)
