"""Variable projection: search only the parameters that a law is not linear in.

For given nonlinear parameters φ the best linear ones are a linear system, ``c(φ) = Φ(φ)⁺ y`` with Φ the derivatives by
c, so that only

    Q(φ) = ½ · ‖W^½ (y − Φ(φ) c(φ))‖²

is searched: two parameters in place of five for L(N, D). Its derivatives are those of the law by φ less their
projection on Φ. Least squares of the number itself; the linear parameters know no bounds, and one that ends beyond its
own is flagged.

Sources: Golub and Pereyra, *SIAM J. Numer. Anal.* 10 (1973) 413; Kaufman, *BIT* 15 (1975) 49, for the derivatives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import prepared
from relscale.fitting.estimation.estimates import Estimates, best_of_starts
from relscale.fitting.estimation.levenberg_marquardt import minimise
from relscale.fitting.estimation.objective import Expansion, Indices, Objective
from relscale.laws.law import Array, Law

SINGULAR = 1e-12  # least singular value of Φ, relative to its largest, that is used


@dataclass(frozen=True)
class Projection:
    """The objective of the nonlinear parameters alone, u (p, ...); as ``full`` but for its linear ones."""

    full: Objective
    nonlinear: Indices
    linear: Indices

    @property
    def y(self) -> Array:
        """As that of the full objective."""
        return self.full.y

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
        """(p,) all of them."""
        return np.ones(len(self.nonlinear), dtype=bool)

    def scale(self, columns: Indices) -> Array:
        """As that of the full objective."""
        return self.full.scale(columns)

    def completed(self, u: Array, columns: Indices) -> tuple[Array, Array]:
        """All parameters (q, m), the linear ones solved for, and an orthonormal basis of √W·Φ, (m, n, k)."""
        every = np.ones((len(self.full.low), u.shape[1]))
        every[self.nonlinear] = u
        root = np.sqrt(np.broadcast_to(self._weights(columns), (self.y.shape[0], len(columns))))
        basis = self.full.derivatives(every, columns)[self.linear] * root
        size = np.sqrt((basis**2).sum(axis=1, keepdims=True))
        size = np.where(size > 0, size, 1.0)
        left, singular, right = np.linalg.svd((basis / size).transpose(2, 1, 0), full_matrices=False)
        used = singular > SINGULAR * singular[:, :1]
        left = left * used[:, None]
        y = self.y if self.y.shape[1] == 1 else self.y[:, columns]
        along = np.einsum("mnk,nm->mk", left, y / self.full.unit * root) / np.where(used, singular, 1.0)
        every[self.linear] = np.einsum("mk,mkl->lm", along, right) / size[:, 0]
        return every, left

    def expansion(self, u: Array, columns: Indices) -> Expansion:
        """Q around u, to second order as far as the law is linear."""
        every, basis = self.completed(u, columns)
        residual, weights = self.full.residuals(every, columns)
        root = np.sqrt(weights)
        jacobian = (self.full.derivatives(every, columns)[self.nonlinear] * root).transpose(
            2, 1, 0
        )  # (m, n, p)
        jacobian = jacobian - basis @ (basis.transpose(0, 2, 1) @ jacobian)
        total = np.einsum("nm,nm->m", weights * residual, residual)
        return Expansion(
            cost=np.where(np.isfinite(total), total / 2, np.inf),
            gradient=np.einsum("mnp,nm->pm", jacobian, residual * root),
            curvature=jacobian.transpose(0, 2, 1) @ jacobian,
            size=(jacobian**2).sum(axis=1).T,
            influence=total,
        )

    def _weights(self, columns: Indices) -> Array:
        return self.full.weights if self.full.weights.shape[1] == 1 else self.full.weights[:, columns]


def project(
    law: Law,
    x: ArrayLike,
    y: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    starts: ArrayLike | None = None,
    fixed: Mapping[str, ArrayLike] | None = None,
) -> Estimates:
    """Estimate a law's parameters on B data sets by variable projection; as ``estimate(..., error="linear")``.

    Raises
    ------
    RelscaleError
        As ``estimate``; or the law is linear in no parameter, or one is to be fixed.
    """
    if not law.linear:
        raise RelscaleError(f"law {law.name}: it is linear in no parameter; use levenberg-marquardt")
    if fixed:
        raise RelscaleError(
            f"law {law.name}: variable projection fixes no parameters; use levenberg-marquardt"
        )
    # The linear parameters take what value they get, which has a logarithm or not.
    as_they_are = tuple(replace(p, log=False) if p.name in law.linear else p for p in law.parameters)
    law = replace(law, parameters=as_they_are)
    with np.errstate(all="ignore"):
        full, begin, hopeless = prepared(law, x, y, weights=weights, starts=starts, error="linear")
        is_linear = np.isin(law.names, law.linear)
        projection = Projection(full, np.flatnonzero(~is_linear), np.flatnonzero(is_linear))
        count, problems = begin.shape[1:]
        columns = np.tile(np.arange(problems), count)
        start = full.u(begin)[projection.nonlinear].reshape(-1, count * problems)
        found = minimise(projection, start, columns)
        every, _ = projection.completed(found.u, columns)
        result = best_of_starts(full, replace(found, u=every), count, hopeless, ())
    beyond = (result.theta < full.low) | (result.theta > full.high)
    return replace(
        result,
        status=[
            f"beyond a bound: {', '.join(n for n, is_so in zip(law.names, beyond[:, j], strict=True) if is_so)}"
            if beyond[:, j].any() and result.converged[j]
            else status
            for j, status in enumerate(result.status)
        ],
    )
