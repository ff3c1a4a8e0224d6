"""The objective of a fit, for many data sets of one law at once.

    Q(θ) = Σ_i w_i · ρ(r_i),    r_i = ln f(θ, x_i) − ln y_i   or   f(θ, x_i) − y_i

    ρ(r) = r² / 2 where |r| ≤ δ,   δ·|r| − δ² / 2 beyond

Huber's loss; least squares is δ = ∞. Parameters are searched directly, or in their logarithms if the law declares it:
``u`` below. Outside the law's domain numbers overflow and Q is infinite; callers silence numpy's warnings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relscale.laws.law import ALL, Array, DataSets, Law, Slopes

Indices = NDArray[np.int64]
# multiplications up to which OpenBLAS has one thread: with more, threads wait for one another, spinning
ALONE = 2**18
TOGETHER = 2**19  # numbers in derivatives that are computed together: 4 MiB
MANY = (
    8  # number of parameters from which matrix products per data set are faster than sums over all data sets
)


@dataclass(frozen=True)
class Objective:
    """B data sets, n points each, q parameters; a "column" below is one of B.

    Attributes
    ----------
    x
        (p, n, B), or (p, n, 1) if all data sets share it.
    y
        (n, B) or (n, 1); logarithms if ``log_residual``.
    weights
        (n, B) or (n, 1); 0 excludes a point.
    delta
        Threshold above which Huber's loss is linear, in units of ``unit``; ∞ for least squares.
    log_residual
        Whether residuals are of the logarithm.
    free
        (q,) which parameters are searched.
    low, high
        (q, 1) bounds of u.
    unit
        Unit of Q, r and y below: about the size of y for linear residuals, so that squares neither overflow nor
        underflow; 1 for log residuals.
    """

    law: Law
    x: Array
    y: Array
    weights: Array
    delta: float
    log_residual: bool
    free: NDArray[np.bool_]
    low: Array
    high: Array
    unit: float = 1.0

    @property
    def numbers(self) -> int:
        """Number of elements in the derivatives of one data set."""
        return int(self.low.size * self.y.shape[0])

    def theta(self, u: Array) -> Array:
        """Parameters (q, ...) of u."""
        return np.where(self._logs(u), np.exp(np.where(self._logs(u), u, 0.0)), u)

    def u(self, theta: ArrayLike) -> Array:
        """The inverse of ``theta``."""
        theta = np.asarray(theta, dtype=float)
        return np.where(self._logs(theta), np.log(np.where(self._logs(theta), theta, 1.0)), theta)

    def _logs(self, like: Array) -> NDArray[np.bool_]:
        logs = np.array([parameter.log for parameter in self.law.parameters])
        return logs.reshape(-1, *[1] * (like.ndim - 1))

    def scale(self, columns: Indices) -> Array:
        """√(Σ w·y²), (m,), with 1 in place of y for log residuals: the scale relative to which a fit is exact."""
        y, weights = of_columns(self.y, columns) / self.unit, of_columns(self.weights, columns)
        size = np.where(weights > 0, np.maximum(np.abs(y), 1.0) if self.log_residual else np.abs(y), 0.0)
        return np.broadcast_to(np.sqrt((weights * size**2).sum(axis=0)), columns.shape)

    def residuals(self, u: Array, columns: Indices) -> tuple[Array, Array]:
        """r and w, (n, m); r is infinite if the law has no value and w is not 0."""
        return self._residuals(self._fitted(u, columns), columns)

    def _fitted(self, u: Array, columns: Indices) -> Array:
        return self.law.value(self.theta(u), of_columns(self.x, columns))

    def _fitted_and_slopes(self, theta: Array, columns: Indices) -> tuple[Array, Slopes]:
        """The law's value (n, m) and the function of its derivatives by theta (q, n, m)."""
        at = self._at_shared_x or self.law.with_derivatives(of_columns(self.x, columns))
        return at(theta)

    @cached_property
    def _at_shared_x(self) -> Callable[[Array], tuple[Array, Slopes]] | None:
        return self.law.with_derivatives(self.x) if self.x.shape[-1] == 1 else None

    def _residuals(self, fitted: Array, columns: Indices) -> tuple[Array, Array]:
        return self._residual(fitted, columns), of_columns(self.weights, columns)

    def _residual(self, fitted: Array, columns: Indices) -> Array:
        residual: Array = (np.log(fitted) if self.log_residual else fitted) - of_columns(self.y, columns)
        if not self.log_residual:
            residual /= self.unit
        if not np.isfinite(residual.sum()):
            residual[np.broadcast_to(of_columns(self.weights, columns) == 0, residual.shape)] = 0.0
            residual[np.isnan(residual)] = np.inf
        return residual

    @cached_property
    def _roots(self) -> Array:
        """(B, n) or (1, n) √w, contiguous per data set."""
        return np.ascontiguousarray(np.sqrt(self.weights).T)

    def derivatives(self, u: Array, columns: Indices) -> Array:
        """∂r/∂u, (q, n, m); 0 for parameters that are not searched."""
        return self._derivatives(u, *self._fitted_and_slopes(self.theta(u), columns))

    def _derivatives(self, u: Array, fitted: Array, slopes: Slopes) -> Array:
        """∂r/∂u from the derivatives by theta."""
        jacobian = slopes(1 / fitted if self.log_residual else np.full(fitted.shape, 1 / self.unit), ALL)
        for row, factor in zip(jacobian, self._factor(self.theta(u)), strict=True):
            row *= factor
        if not np.isfinite(jacobian.sum()):
            jacobian[~np.isfinite(jacobian)] = 0.0
        return jacobian

    def _factor(self, theta: Array) -> Array:
        """∂θ/∂u, (q, m); 0 for parameters that are not searched."""
        return np.where(self._logs(theta), theta, 1.0) * self.free[:, None]

    def expansion(self, u: Array, columns: Indices, below: Array | None = None) -> "Expansion":
        """Q around u to second order, in the Gauss–Newton approximation.

        Only Q itself is known where it is not below ``below`` (m,).
        """
        if len(u) >= MANY and np.isinf(self.delta):
            return self._expansion_of_squares(u, columns, below)
        fitted, slopes = self._fitted_and_slopes(self.theta(u), columns)
        residual, weights = self._residuals(fitted, columns)
        jacobian = self._derivatives(u, fitted, slopes)
        influence = np.clip(residual, -self.delta, self.delta)
        pull = weights * influence
        cost = np.einsum("nm,nm->m", pull, residual - influence / 2)  # ρ = ψ·(r − ψ/2) everywhere
        gradient = np.einsum("inm,nm->im", jacobian, pull)
        weights = np.broadcast_to(weights, pull.shape)
        if np.isfinite(self.delta):
            size = np.einsum("inm,inm,nm->im", jacobian, jacobian, weights)
            curvature = squared(jacobian, weights * (np.abs(residual) <= self.delta))
        else:
            curvature = squared(jacobian, weights)
            size = curvature.diagonal(axis1=1, axis2=2).T
        total = np.einsum("nm,nm->m", pull, influence)
        return Expansion(np.where(np.isfinite(cost), cost, np.inf), gradient, curvature, size, total)

    def _expansion_of_squares(self, u: Array, columns: Indices, below: Array | None) -> "Expansion":
        """The expansion for least squares in many parameters: of few data sets at a time."""
        (q, m), n = u.shape, self.y.shape[0]
        theta = self.theta(u)
        factor = self._factor(theta)
        squares, gradient, curvature = np.empty(m), np.zeros((m, q)), np.zeros((m, q, q))
        together = max(1, TOGETHER // (q * n))
        for first in range(0, m, together):
            some = slice(first, first + together)
            fitted, slopes = self._fitted_and_slopes(theta[:, some], columns[some])
            # contiguous per data set, as the rows of the derivatives below
            root = np.broadcast_to(
                self._roots[columns[some] if len(self._roots) > 1 else ALL], fitted.T.shape
            )
            weighted = root * self._residual(fitted, columns[some]).T
            squares[some] = np.einsum("mn,mn->m", weighted, weighted)
            lower = squares[some] / 2 < (np.inf if below is None else below[some])
            if not lower.any():
                continue
            of: DataSets = ALL
            if not lower.all():
                of = np.flatnonzero(lower)
                root, weighted, fitted = root[of], weighted[of], fitted[:, of]
            rows = slopes((root / (fitted.T if self.log_residual else self.unit)).T, of).transpose(2, 0, 1)
            found = products(rows, rows)
            if not np.isfinite(found.sum()):
                rows[~np.isfinite(rows)] = 0.0
                found = products(rows, rows)
            curvature[some][of], gradient[some][of] = found, (rows @ weighted[..., None])[..., 0]
        curvature *= factor.T[:, :, None]
        curvature *= factor.T[:, None, :]
        return Expansion(
            cost=np.where(np.isfinite(squares), squares / 2, np.inf),
            gradient=gradient.T * factor,
            curvature=curvature,
            size=curvature.diagonal(axis1=1, axis2=2).T,
            influence=squares,
        )


@dataclass(frozen=True)
class Expansion:
    """Q, its gradient and its curvature at m points.

    Attributes
    ----------
    cost
        (m,), Q; infinite if the law has no value.
    gradient
        (q, m), Σ w ψ ∂r/∂u with ψ = ρ'.
    curvature
        (m, q, q), Σ w ρ'' ∂r/∂u ∂r/∂uᵀ.
    size
        (q, m), Σ w (∂r/∂u)²; the scale of each parameter.
    influence
        (m,), Σ w ψ².
    """

    cost: Array
    gradient: Array
    curvature: Array
    size: Array
    influence: Array


def squared(jacobian: Array, weights: Array) -> Array:
    """``J W Jᵀ`` (m, q, q) of J (q, n, m) and weights (n, m)."""
    if len(jacobian) < MANY:
        return np.asarray(np.einsum("inm,jnm->mij", jacobian * weights, jacobian))
    by_data_set = np.empty((jacobian.shape[2], *jacobian.shape[:2]))
    np.multiply(jacobian.transpose(2, 0, 1), np.sqrt(weights).T[:, None], out=by_data_set)
    return products(by_data_set, by_data_set)


def products(a: Array, b: Array) -> Array:
    """``a bᵀ`` (m, q, q) of (m, q, n) each, over few enough points at a time that BLAS uses one thread."""
    points = max(1, ALONE // a.shape[1] ** 2)
    total = a[:, :, :points] @ b[:, :, :points].transpose(0, 2, 1)
    for first in range(points, a.shape[2], points):
        part = slice(first, first + points)
        total += a[:, :, part] @ b[:, :, part].transpose(0, 2, 1)
    return np.asarray(total)


def of_columns(array: Array, columns: Indices) -> Array:
    """The selected columns of an array (..., B), or an array (..., 1) unchanged."""
    return array if array.shape[-1] == 1 else array[..., columns]
