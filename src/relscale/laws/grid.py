"""Starting points of laws that are linear in some parameters: a grid of the others, these by least squares.

For each grid point the best coefficients c of ``y ≈ columns · c`` are one small linear system; the grid points are
ranked by what is left of y, relative to y where that is positive, as it may span decades. So only the shape of a law
needs guesses, never its scale, and no units are assumed.
"""

import numpy as np
from numpy.typing import NDArray

from relscale.laws.law import Array

COUNT = 6  # starting points kept
LEAST = 1e-3  # share of the spread of y that a positive term of a start keeps, since it is searched in its logarithm


def profiled(
    columns: Array, y: Array, signed: tuple[int, ...] = (), count: int = COUNT
) -> tuple[Array, NDArray[np.int64]]:
    """The best grid points, and their coefficients.

    Parameters
    ----------
    columns
        (g, n, k): what each of k coefficients is multiplied with, at g grid points.
    y
        (n,)
    signed
        Which coefficients may be negative; the others are made positive.

    Returns
    -------
    coefficients, best
        (k, s) and (s,): s = min(count, g) grid points by their misfit, least first.
    """
    scale = y if (y > 0).all() else np.ones_like(y)
    columns = columns / scale[:, None]
    coefficients = solved(columns, y / scale)
    size = np.abs(columns * scale[:, None]).max(axis=1)
    least = LEAST * spread(y) / np.where(size > 0, size, 1)
    least[:, list(signed)] = -np.inf
    coefficients = np.maximum(coefficients, least)
    with np.errstate(all="ignore"):
        misfit = ((np.einsum("gnk,gk->gn", columns, coefficients) - y / scale) ** 2).sum(axis=1)
    best = np.argsort(np.where(np.isfinite(misfit), misfit, np.inf), kind="stable")[:count]
    return coefficients[best].T, best


def solved(columns: Array, y: Array) -> Array:
    """Least-squares coefficients (g, k) of ``y ≈ columns · c``; zero where the columns overflow."""
    finite = np.asarray(np.isfinite(columns).all(axis=(1, 2)))
    inverse = np.linalg.pinv(np.where(finite[:, None, None], columns, 0.0), rcond=1e-12)
    return np.asarray(inverse @ y)


def crossed(*axes: Array) -> list[Array]:
    """Every combination of the axes' values, one array an axis."""
    return [grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")]


def spread(x: Array) -> float:
    """The range of x, and where it has none a trifle of its size: a divisor that is never 0."""
    return max(float(np.ptp(x)), 1e-12 * float(np.abs(x).max()), 1e-300)
