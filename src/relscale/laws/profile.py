"""The best of a grid of a law's nonlinear parameters, with the linear ones solved for at every point of it.

    y ≈ Σ_k c_k · f_k(x; g),    g on a grid,    c by least squares of the error relative to y

Only the shape of a law needs guesses, never its scale, and no units are assumed.

ranked      one data set; the best few grid points, with c of any sign (then kept positive where they must be): the
            starting points of a search
positive    many data sets at once, c ≥ 0; the best grid point of each, so the result is the constrained optimum of
            the grid. A fit that never fails to converge and never ends on an absurd exponent, for forecasts

The linear parameters are solved for by ``relscale.laws.linear_terms``; the continuous search of the others is
``relscale.fitting.estimation.variable_projection``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.laws.law import Array, Formula
from relscale.laws.linear_terms import least_squares, nonnegative

COUNT = 6  # starting points kept
LEAST = 1e-3  # share of the spread of y that a positive term of a start keeps, since it is searched in its logarithm
CELLS = 1 << 19  # of the systems solved at once: many points would otherwise take gigabytes
SEARCHED, ENOUGH = 2048, 100  # points that choose among the grid's, of large data sets


def ranked(
    columns: Array, y: Array, signed: tuple[int, ...] = (), count: int = COUNT
) -> tuple[Array, NDArray[np.int64]]:
    """The best grid points, and their coefficients.

    Parameters
    ----------
    columns
        (g, n, k): what each of k coefficients is multiplied with, at g grid points.
    y
        (n,); where all are positive the misfit is relative to them, as they may span decades.
    signed
        Which coefficients may be negative; the others are made positive.

    Returns
    -------
    coefficients, best
        (k, s) and (s,): s = min(count, g) grid points by their misfit, least first.
    """
    scale = y if (y > 0).all() else np.ones_like(y)
    at_once = max(1, CELLS // columns[0].size)
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
    least = LEAST * spread(y) / np.where(size > 0, size, 1)
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
        From nonlinear parameters (r, ...) and x (p, n, ...) to the terms (k, n, ...).
    grid
        (r, K) nonlinear parameters.
    coefficients
        (k, K); nan where a data set has no points.
    """

    terms: Formula
    grid: Array
    coefficients: Array

    def log_value(self, x: Array) -> Array:
        """ln y at x (p, Q): (Q, K)."""
        terms = self.terms(self.grid[:, :, None], x[:, None, :])
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(np.einsum("ck,ckq->qk", self.coefficients, terms)))


def positive(terms: Formula, grid: Array, x: Array, log_y: Array, weight: Array | None = None) -> Profile:
    """Fit each column of ``log_y`` (P, K), its nan left out.

    Of more than ``SEARCHED`` points as many choose the grid points, evenly spaced by rank of the first predictor, where
    that leaves ``ENOUGH`` of each data set; the coefficients are those of all points.

    Parameters
    ----------
    terms
        From grid points (r, G, 1) and x (p, 1, P) to the terms (k, G, P), positive.
    grid
        (r, G).
    x
        (p, P) predictors.
    weight
        (P, K) of the points; equal by default.
    """
    used = np.isfinite(log_y)
    if len(log_y) > SEARCHED:
        some = np.argsort(x[0], kind="stable")[np.linspace(0, len(log_y) - 1, SEARCHED).round().astype(int)]
        count = used[some].sum(axis=0)
        if ((count >= ENOUGH) | (count == used.sum(axis=0))).all():
            near = positive(terms, grid, x[:, some], log_y[some], None if weight is None else weight[some])
            grid = np.unique(near.grid, axis=1)
    vote = np.ones_like(log_y) if weight is None else weight
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = np.where(used, log_y, 0).sum(axis=0) / used.sum(axis=0)
    inverse = np.where(used, np.exp(np.where(used, middle - log_y, 0)), 0)
    columns = terms(grid[:, :, None], x[:, None, :])
    size = columns.mean(axis=2, keepdims=True)
    columns = columns / size
    count = len(columns)
    square = vote * inverse**2
    normal = np.empty((count, count, columns.shape[1], log_y.shape[1]))
    for a in range(count):
        for b in range(a + 1):
            normal[a, b] = normal[b, a] = (columns[a] * columns[b]) @ square
    right = columns @ (vote * inverse)

    best, misfit = nonnegative(normal, right)
    row, column = np.argmin(misfit, axis=0), np.arange(log_y.shape[1])
    return Profile(
        terms=terms,
        grid=grid[:, row],
        coefficients=best[:, row, column] / size[:, row, 0] * np.exp(middle),
    )


def crossed(*axes: Array) -> Array:
    """Every combination of the axes' values, (axes, g), the last axis fastest."""
    return np.stack([grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")])


def spread(x: Array) -> float:
    """The range of x, and where it has none a trifle of its size: a divisor that is never 0."""
    return max(float(np.ptp(x)), 1e-12 * float(np.abs(x).max()), 1e-300)
