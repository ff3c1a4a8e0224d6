"""Grid search over a law's nonlinear parameters, with its linear parameters solved for at every grid point.

    y ≈ Σ_k c_k · f_k(x; g),    g on a grid,    c by least squares of the error relative to y

Only the nonlinear parameters need a grid; the scale of y and the units are arbitrary.

| function | data sets | result |
|---|---|---|
| ``best_grid_points`` | one | the best few grid points, with c of any sign: starting points of a search |
| ``fit_positive`` | many at once | the best grid point of each with c ≥ 0: a fit that always converges, for forecasts |

The linear parameters are solved for by ``relscale.laws.linear_terms``; the continuous search of the others is
``relscale.fitting.estimation.variable_projection``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.laws.law import Array, Formula
from relscale.laws.linear_terms import least_squares, nonnegative

COUNT = 6  # starting points kept
SMALLEST_TERM = 1e-3  # smallest size of a positive term in a starting point, as a share of the spread of y
BLOCK_SIZE = 1 << 19  # numbers in the systems solved at once, which limits memory
MAX_POINTS, MIN_POINTS = 2048, 100  # size of the sample that selects grid points, in all and per data set


def best_grid_points(
    columns: Array, y: Array, signed: tuple[int, ...] = (), count: int = COUNT
) -> tuple[Array, NDArray[np.int64]]:
    """The best grid points, and their coefficients.

    Parameters
    ----------
    columns
        (g, n, k): the terms of k coefficients at g grid points.
    y
        (n,). If all are positive, the misfit is relative to them, as they may span decades.
    signed
        Indices of the coefficients that may be negative; the others are made positive.
    count
        Maximum number of grid points returned.

    Returns
    -------
    coefficients, best
        (k, s) and (s,): coefficients and indices of s = min(count, g) grid points, the least misfit first.
    """
    scale = y if (y > 0).all() else np.ones_like(y)
    at_once = max(1, BLOCK_SIZE // columns[0].size)
    parts = [
        _fitted(columns[first : first + at_once], y, scale, signed)
        for first in range(0, len(columns), at_once)
    ]
    coefficients, misfit = (np.concatenate(part) for part in zip(*parts, strict=True))
    best = np.argsort(np.where(np.isfinite(misfit), misfit, np.inf), kind="stable")[:count]
    return coefficients[best].T, best


def _fitted(columns: Array, y: Array, scale: Array, signed: tuple[int, ...]) -> tuple[Array, Array]:
    """The coefficients (g, k) of a block of grid points, and their misfits (g,)."""
    size = np.abs(columns).max(axis=1)
    columns = columns / scale[:, None]
    coefficients = least_squares(columns, y / scale)
    least = SMALLEST_TERM * spread(y) / np.where(size > 0, size, 1)
    least[:, list(signed)] = -np.inf
    coefficients = np.maximum(coefficients, least)
    with np.errstate(all="ignore"):
        return coefficients, ((np.einsum("gnk,gk->gn", columns, coefficients) - y / scale) ** 2).sum(axis=1)


@dataclass(frozen=True)
class Profile:
    """The best grid point of each data set; K data sets, r nonlinear parameters, k terms.

    Attributes
    ----------
    terms
        Function of the nonlinear parameters (r, ...) and x (p, n, ...) that returns the terms (k, n, ...).
    grid
        (r, K) nonlinear parameters.
    coefficients
        (k, K); nan for a data set without points.
    """

    terms: Formula
    grid: Array
    coefficients: Array

    def log_value(self, x: Array) -> Array:
        """ln y at x (p, Q): (Q, K)."""
        terms = self.terms(self.grid[:, :, None], x[:, None, :])
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(np.einsum("ck,ckq->qk", self.coefficients, terms)))


def fit_positive(terms: Formula, grid: Array, x: Array, log_y: Array, weight: Array | None = None) -> Profile:
    """Fit each column of ``log_y`` (P, K), without its nan.

    The grid points of more than ``MAX_POINTS`` points are selected on a sample of that size, evenly spaced by rank of
    the first predictor, if it has ``MIN_POINTS`` of each data set; the coefficients are those of all points.

    Parameters
    ----------
    terms
        Function of grid points (r, G, 1) and x (p, 1, P) that returns the terms (k, G, P), positive.
    grid
        (r, G).
    x
        (p, P) predictors.
    weight
        (P, K) weights of the points; equal by default.
    """
    used = np.isfinite(log_y)
    if len(log_y) > MAX_POINTS:
        ranks = np.linspace(0, len(log_y) - 1, MAX_POINTS).round().astype(int)
        sample = np.argsort(x[0], kind="stable")[ranks]
        count = used[sample].sum(axis=0)
        if ((count >= MIN_POINTS) | (count == used.sum(axis=0))).all():
            sample_weight = None if weight is None else weight[sample]
            sample_fit = fit_positive(terms, grid, x[:, sample], log_y[sample], sample_weight)
            grid = np.unique(sample_fit.grid, axis=1)
    weights = np.ones_like(log_y) if weight is None else weight
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = np.where(used, log_y, 0).sum(axis=0) / used.sum(axis=0)
    inverse = np.where(used, np.exp(np.where(used, middle - log_y, 0)), 0)
    columns = terms(grid[:, :, None], x[:, None, :])
    size = columns.mean(axis=2, keepdims=True)
    columns = columns / size
    count = len(columns)
    normal = np.empty((count, count, columns.shape[1], log_y.shape[1]))
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # if y spans more than 150 decades, there is no solution
        square = weights * inverse**2
        for a in range(count):
            for b in range(a + 1):
                normal[a, b] = normal[b, a] = (columns[a] * columns[b]) @ square
        right = columns @ (weights * inverse)
        best, misfit = nonnegative(normal, right)
    row, column = np.argmin(misfit, axis=0), np.arange(log_y.shape[1])
    return Profile(
        terms=terms,
        grid=grid[:, row],
        coefficients=best[:, row, column] / size[:, row, 0] * np.exp(middle),
    )


def crossed(*axes: Array) -> Array:
    """All combinations of the axes' values, (axes, g); the last axis varies fastest."""
    return np.stack([grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")])


def spread(x: Array) -> float:
    """The range of x, or a tiny positive number if x is constant, so that it can be divided by."""
    return max(float(np.ptp(x)), 1e-12 * float(np.abs(x).max()), 1e-300)
