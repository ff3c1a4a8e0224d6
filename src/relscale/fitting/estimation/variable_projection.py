"""Variable projection: minimise over the nonlinear parameters only, and solve for the linear ones.

For given nonlinear parameters φ the best linear ones are a linear system, ``c(φ) = Φ(φ)⁺ y`` with Φ the derivatives by
c, so that only

    Q(φ) = ½ · ‖W^½ (y − Φ(φ) c(φ))‖²

is minimised: over two parameters instead of five for L(N, D). Its derivatives are those of the law by φ less their
projection on Φ. Residuals are linear. Linear parameters are not bounded during the search; one beyond its
bound is flagged.

Sources: Golub and Pereyra, *SIAM J. Numer. Anal.* 10 (1973) 413; Kaufman, *BIT* 15 (1975) 49, for the derivatives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimates import Estimates, best_of_starts
from relscale.fitting.estimation.levenberg_marquardt import ORTHOGONAL, Minima, minimise
from relscale.fitting.estimation.objective import Expansion, Indices, Objective, of_columns
from relscale.fitting.estimation.preparation import prepared
from relscale.fitting.status import Remark, Status
from relscale.laws.law import Array, Law
from relscale.laws.linear_terms import projection

ROUGH, KEPT = 1e-3, 6  # tolerance of searches for starting points, and how many ends are kept


@dataclass(frozen=True)
class ReducedObjective:
    """The objective as a function of the nonlinear parameters u (p, ...) alone.

    Attributes
    ----------
    full
        The objective of all parameters.
    nonlinear, linear
        Positions of the parameters that are minimised over, and of those that are solved for.
    fixed_values
        (q, B) or (q, 1) values of the fixed linear parameters, 0 for all others; None if none is fixed.
    """

    full: Objective
    nonlinear: Indices
    linear: Indices
    fixed_values: Array | None = None

    @property
    def numbers(self) -> int:
        """Number of elements in the derivatives of one data set, as for the full objective."""
        return 2 * self.full.numbers

    @property
    def low(self) -> Array:
        """(p, 1) bounds of u."""
        return self.full.low[self.nonlinear]

    @property
    def high(self) -> Array:
        """(p, 1) bounds of u."""
        return self.full.high[self.nonlinear]

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which parameters (p,) are not fixed."""
        return self.full.free[self.nonlinear]

    def scale(self, columns: Indices) -> Array:
        """The scale of the full objective."""
        return self.full.scale(columns)

    def completed(self, u: Array, columns: Indices) -> tuple[Array, Array, Array]:
        """All parameters (q, m), the linear ones solved for; √W·r, (n, m); an orthonormal basis of √W·Φ, (k, n, m)."""
        parameters = np.ones((len(self.full.low), u.shape[1]))
        parameters[self.nonlinear] = u
        offset: Array | float = 0.0  # contribution of the fixed linear parameters
        if self.fixed_values is not None:
            parameters = np.where(
                np.isin(np.arange(len(parameters)), self.nonlinear)[:, None], parameters, 0.0
            )
            parameters = parameters + of_columns(self.fixed_values, columns)
            offset = self.full.law.value(self.full.theta(parameters), of_columns(self.full.x, columns))
            parameters[self.linear] = 1.0
        root = np.sqrt(of_columns(self.full.weights, columns))
        terms = self.full.derivatives(parameters, columns)[self.linear] * root
        y = (of_columns(self.full.y, columns) - offset) / self.full.unit * root
        solution = projection(terms, y)
        parameters[self.linear] = solution.coefficients
        return parameters, solution.residual, solution.basis

    def expansion(self, u: Array, columns: Indices, below: Array | None = None) -> Expansion:
        """Q around u, to second order as far as the law is linear."""
        parameters, residual, basis = self.completed(u, columns)
        root = np.sqrt(of_columns(self.full.weights, columns))
        jacobian = self.full.derivatives(parameters, columns)[self.nonlinear] * root
        for row in jacobian:
            for vector in basis:
                row -= vector * np.einsum("nm,nm->m", vector, row)
        squares = np.einsum("nm,nm->m", residual, residual)
        return Expansion(
            cost=np.where(np.isfinite(squares), squares / 2, np.inf),
            gradient=np.einsum("pnm,nm->pm", jacobian, residual),
            curvature=np.einsum("pnm,rnm->mpr", jacobian, jacobian),
            size=np.einsum("pnm,pnm->pm", jacobian, jacobian),
            influence=squares,
        )


def project(
    law: Law,
    x: ArrayLike,
    y: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    starts: ArrayLike | None = None,
    fixed: Mapping[str, ArrayLike] | None = None,
    tolerance: float = ORTHOGONAL,
) -> Estimates:
    """Estimate a law's parameters on B data sets by variable projection; as ``estimate(..., residual="linear")``.

    Raises
    ------
    RelscaleError
        As ``estimate``; or the law is linear in no parameter that is not fixed.
    """
    fixed = fixed or {}
    if not set(law.linear) - set(fixed):
        raise RelscaleError(f"law {law.name}: no free parameter is linear; use levenberg-marquardt")
    law = _without_logarithms(law)
    with np.errstate(all="ignore"):
        full, begin, has_no_log = prepared(
            law, x, y, weights=weights, starts=starts, residual="linear", fixed=fixed
        )
        minima = _minima(full, begin, tolerance)
        result = best_of_starts(full, minima, begin.shape[1], has_no_log, tuple(fixed))
    beyond = (result.theta < full.low) | (result.theta > full.high)
    remarks = list(result.status)
    for j in np.flatnonzero(beyond.any(axis=0) & result.converged):
        names = ", ".join(name for name, is_so in zip(law.names, beyond[:, j], strict=True) if is_so)
        remarks[j] = Remark(Status.BEYOND_A_BOUND, f"beyond a bound: {names}")
    return replace(result, status=remarks)


def projected_starts(
    law: Law,
    x: ArrayLike,
    y: ArrayLike,
    begin: Array,
    lowest: Array,
    *,
    weights: ArrayLike | None = None,
    residual: str = "log",
    fixed: Mapping[str, ArrayLike] | None = None,
) -> Array:
    """Starting points (q, s', B): ``lowest`` (q, B), and the lowest ends of searches from ``begin`` (q, s, B).

    For residuals of the logarithm, errors are relative to y, which is the same to first order. An end beyond a bound is
    nan, which no search begins from and no count of agreeing starts includes.
    """
    if not set(law.linear) - set(fixed or ()):
        return lowest[:, None]
    if residual == "log":
        weights = _relative(np.asarray(y, dtype=float), weights)
    full, start, _ = prepared(
        _without_logarithms(law),
        x,
        y,
        weights=weights,
        starts=begin.transpose(1, 0, 2),
        residual="linear",
        fixed=fixed,
    )
    minima = _minima(full, start, ROUGH)
    ends = full.theta(minima.u).reshape(begin.shape)
    low, high = (
        np.array([getattr(p, side) for p in law.parameters])[:, None, None] for side in ("low", "high")
    )
    inside = (np.isfinite(ends) & (ends >= low) & (ends <= high)).all(axis=0)
    cost = np.where(inside, minima.cost.reshape(inside.shape), np.inf)
    best = np.argsort(cost, axis=0, kind="stable")[:KEPT]
    ends = np.where(inside, ends, np.nan)
    return np.concatenate([lowest[:, None], np.take_along_axis(ends, best[None], axis=1)], axis=1)


def _relative(y: Array, weights: ArrayLike | None) -> Array:
    """Weights divided by y², (n, B) or (n, 1); 0 where y has no logarithm."""
    given = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    y, given = (array if array.ndim == 2 else array[:, None] for array in (y, given))
    return np.asarray(given * np.where(y > 0, y, np.inf) ** -2.0)


def _without_logarithms(law: Law) -> Law:
    """The law without logarithms of its linear parameters, whose solution may be negative."""
    unlogged = tuple(replace(p, log=False) if p.name in law.linear else p for p in law.parameters)
    return replace(law, parameters=unlogged)


def _minima(full: Objective, begin: Array, tolerance: float) -> Minima:
    """The minima reached from ``begin`` (q, s, B), all data sets of the first start first, with all parameters."""
    is_linear = np.isin(full.law.names, full.law.linear)
    is_fixed_linear = is_linear & ~full.free
    fixed_values = np.where(is_fixed_linear[:, None], begin[:, 0], 0.0) if is_fixed_linear.any() else None
    solved_for = np.flatnonzero(is_linear & full.free)
    reduced = ReducedObjective(full, np.flatnonzero(~is_linear), solved_for, fixed_values)
    count, problems = begin.shape[1:]
    columns = np.tile(np.arange(problems), count)
    start = full.u(begin)[reduced.nonlinear].reshape(-1, count * problems)
    minima = minimise(reduced, start, columns, tolerance)
    return replace(minima, u=reduced.completed(minima.u, columns)[0])
