"""Coefficients of a law's linear terms, given its other parameters.

    y ≈ Σ_k c_k · f_k(x; g),    c by least squares

g is on a grid (starting points, forecasts) or optimised continuously (variable projection). The method depends on the
shape of the system only, because an exact method for one is slow or singular for another:

| function | systems | method | why |
|---|---|---|---|
| ``least_squares`` | one, or one per point of a grid | SVD | terms may depend on each other on a grid |
| ``projection`` | many, each with terms and y of its own | Gram–Schmidt | the search needs the basis too |
| ``nonnegative`` | all data sets on all points of a grid, c ≥ 0 | normal equations | thousands at once |
| ``regularised`` | one, c of any sign or c ≥ 0 | normal equations with a ridge | inside a search, never fails |

Source: Golub and Pereyra, *SIAM J. Numer. Anal.* 10 (1973) 413.
"""

from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np

from relscale.laws.law import Array

RIDGE = 1e-10  # relative ridge on the normal matrix's diagonal, for nearly collinear terms
SINGULAR = 1e-12  # relative norm of a term orthogonal to the previous ones, below which it counts as zero


def least_squares(columns: Array, y: Array) -> Array:
    """Least-squares coefficients of one system or of a stack of systems.

    Parameters
    ----------
    columns
        (n, k) terms of n points, or (g, n, k) for g systems. In a stack, a system whose terms overflow has
        coefficients of zero.
    y
        (n,) for all systems; for one system also (n, m), with m right-hand sides.

    Returns
    -------
    Array
        (k,), (k, m) or (g, k), of minimum norm for collinear terms.
    """
    if columns.ndim == 2:
        return np.asarray(np.linalg.lstsq(columns, y, rcond=None)[0])
    finite = np.asarray(np.isfinite(columns).all(axis=(1, 2)))
    inverse = np.linalg.pinv(np.where(finite[:, None, None], columns, 0.0), rcond=1e-12)
    return np.asarray(inverse @ y)


@dataclass(frozen=True)
class Projection:
    """Solutions of m systems: k terms, n points.

    Attributes
    ----------
    coefficients
        (k, m).
    residual
        (n, m) fitted minus y.
    basis
        (k, n, m) orthonormal vectors that span the terms.
    """

    coefficients: Array
    residual: Array
    basis: Array


def projection(columns: Array, y: Array) -> Projection:
    """Project y (n, m) on the terms (k, n, m) of each system."""
    basis, upper = orthonormal(columns)
    y = np.broadcast_to(y, basis.shape[1:])
    along = np.einsum("knm,nm->km", basis, y)
    return Projection(_back_substituted(upper, along), np.einsum("knm,km->nm", basis, along) - y, basis)


def orthonormal(vectors: Array) -> tuple[Array, Array]:
    """Gram–Schmidt: orthonormal basis (k, n, m) of the vectors (k, n, m), and R (k, k, m) with vectors = R·basis.

    Each vector is orthogonalised twice, which suffices for double precision. A vector that depends on the previous
    ones gives zero.
    """
    basis, upper = np.array(vectors), np.zeros((len(vectors), *vectors.shape[::2]))
    for i, vector in enumerate(basis):
        squares = np.einsum("nm,nm->m", vector, vector)
        for _ in range(2):
            for j in range(i):
                along = np.einsum("nm,nm->m", basis[j], vector)
                upper[j, i] += along
                vector -= along * basis[j]
        remaining = np.einsum("nm,nm->m", vector, vector)
        upper[i, i] = np.where(remaining > SINGULAR**2 * squares, np.sqrt(remaining), 0.0)
        vector *= np.where(upper[i, i] > 0, 1 / upper[i, i], 0.0)
    return basis, upper


def _back_substituted(upper: Array, along: Array) -> Array:
    """Solutions c (k, m) of ``R c = along`` by back substitution; 0 if R has a zero on its diagonal."""
    c = np.zeros_like(along)
    for i in reversed(range(len(c))):
        right = along[i] - (upper[i, i + 1 :] * c[i + 1 :]).sum(axis=0)
        c[i] = np.where(upper[i, i] > 0, right / upper[i, i], 0.0)
    return c


def nonnegative(normal: Array, right: Array) -> tuple[Array, Array]:
    """Nonnegative least squares from normal equations: the best of all subsets of the terms.

    Parameters
    ----------
    normal, right
        (k, k, ...) and (k, ...): ``Φᵀ W Φ`` and ``Φᵀ W y`` of each system.

    Returns
    -------
    coefficients, misfit
        (k, ...), nan if no subset has a solution, and the residual sum of squares minus that of y (...), then infinite.
    """
    count = len(right)
    least = np.full(right.shape[1:], np.inf)
    best = np.full(right.shape, np.nan)
    for subset in map(list, chain.from_iterable(combinations(range(count), n) for n in range(1, count + 1))):
        solution = _eliminated(normal[np.ix_(subset, subset)], right[subset])
        misfit = -(solution * right[subset]).sum(axis=0)
        better = (solution >= 0).all(axis=0) & (misfit < least)
        least = np.where(better, misfit, least)
        best[:, better] = 0
        for term, coefficient in zip(subset, solution, strict=True):
            best[term][better] = coefficient[better]
    return best, least


def _eliminated(matrix: Array, right: Array) -> Array:
    """Solutions (k, ...) of small positive definite systems (k, k, ...) by elimination; nan for singular systems.

    ``numpy.linalg.solve`` is several times slower for many matrices of two or three rows.
    """
    count = len(right)
    matrix, right = matrix.copy(), right.copy()
    diagonal = np.arange(count)
    matrix[diagonal, diagonal] *= 1 + RIDGE
    with np.errstate(invalid="ignore", divide="ignore"):
        for i in range(count):
            for j in range(i + 1, count):
                factor = matrix[j, i] / matrix[i, i]
                matrix[j, i:] -= factor * matrix[i, i:]
                right[j] -= factor * right[i]
        for i in reversed(range(count)):
            for j in range(i + 1, count):
                right[i] -= matrix[i, j] * right[j]
            right[i] /= matrix[i, i]
    return right


def regularised(columns: Array, y: Array, positive: bool = False) -> Array:
    """Coefficients (k,) of one system of terms (n, k) and y (n,), with a ridge; nan if the terms overflow.

    Parameters
    ----------
    positive
        Whether c ≥ 0 (Lawson and Hanson's active sets).
    """
    if not np.isfinite(columns).all():
        return np.full(columns.shape[1], np.nan)
    size = np.sqrt((columns**2).sum(axis=0)) + 1e-300
    normal = (columns / size).T @ (columns / size)
    normal[np.diag_indices_from(normal)] += RIDGE
    right = (columns / size).T @ y
    try:
        if positive:
            from scipy.optimize import nnls

            factor = np.linalg.cholesky(normal)
            return np.asarray(nnls(factor.T, np.linalg.solve(factor, right))[0] / size)
        return np.asarray(np.linalg.solve(normal, right) / size)
    except (np.linalg.LinAlgError, RuntimeError):
        return np.full(columns.shape[1], np.nan)
