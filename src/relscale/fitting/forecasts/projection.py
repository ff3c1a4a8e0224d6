"""Laws that are sums of positive terms, fitted by projection: nonlinear parameters on a grid, the others exactly.

    E(x) = Σ_k c_k · f_k(x; g),    c_k ≥ 0,    g on a grid

For each g the best c solve a small least-squares problem, and all of them, for all curves, are a few matrix products.
The error is relative, ``Σ (Σ_k c_k f_k / E − 1)²``, which to first order is that of ln E. Where the best c would be
negative the term is left out: all subsets of the terms are tried, so the result is the constrained optimum of the grid.

A forecast needs neither finer parameters than this nor their errors; it needs a fit that never fails to converge and
never ends on an absurd exponent, a hundred times over, for every origin and group.

Golub & Pereyra, *SIAM J. Numer. Anal.* 10 (1973), on variable projection.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np

from relscale.fitting.curves.run_matrix import Floats

RIDGE = 1e-10  # share that is added to the normal matrix's diagonal, for terms that are next to equal

Features = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True)
class Fitted:
    """The best law of the grid for each curve; K curves, q nonlinear parameters, k terms.

    Attributes
    ----------
    grid
        (q, K) nonlinear parameters.
    coefficients
        (k, K); nan where a curve has no points.
    """

    grid: Floats
    coefficients: Floats


def project(features: Features, grid: Floats, x: Floats, log_error: Floats) -> Fitted:
    """Fit each column of ``log_error`` (P, K), its nan left out.

    Parameters
    ----------
    features
        From grid points (q, G, 1) and places (p, 1, P) to the terms (k, G, P), positive.
    grid
        (q, G).
    x
        (p, P) predictors.
    """
    used = np.isfinite(log_error)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = np.where(used, log_error, 0).sum(axis=0) / used.sum(axis=0)
    inverse = np.where(used, np.exp(np.where(used, middle - log_error, 0)), 0)
    terms = features(grid[:, :, None], x[:, None, :])
    size = terms.mean(axis=2, keepdims=True)
    terms = terms / size
    count = len(terms)
    weight = inverse**2
    normal = np.empty((count, count, terms.shape[1], log_error.shape[1]))
    for a in range(count):
        for b in range(a + 1):
            normal[a, b] = normal[b, a] = (terms[a] * terms[b]) @ weight
    right = terms @ inverse

    least = np.full(right.shape[1:], np.inf)
    best = np.full(right.shape, np.nan)
    for subset in map(list, chain.from_iterable(combinations(range(count), n) for n in range(1, count + 1))):
        solution = _solve(normal[np.ix_(subset, subset)], right[subset])
        gain = -(solution * right[subset]).sum(axis=0)
        better = (solution >= 0).all(axis=0) & (gain < least)
        least = np.where(better, gain, least)
        best[:, better] = 0
        for term, found in zip(subset, solution, strict=True):
            best[term][better] = found[better]
    chosen = np.argmin(least, axis=0)
    column = np.arange(log_error.shape[1])
    return Fitted(
        grid=grid[:, chosen],
        coefficients=best[:, chosen, column] / size[:, chosen, 0] * np.exp(middle),
    )


def _solve(matrix: Floats, right: Floats) -> Floats:
    """Solutions (k, G, K) of small positive definite systems (k, k, G, K) by elimination; nan where there are none.

    ``numpy.linalg.solve`` on as many matrices of two or three rows is several times slower.
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


def evaluate(features: Features, fitted: Fitted, x: Floats) -> Floats:
    """ln E of the fitted laws at x (p, Q): (Q, K)."""
    terms = features(fitted.grid[:, :, None], x[:, None, :])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(np.einsum("ck,ckq->qk", fitted.coefficients, terms))
