"""The minimum of a paraboloid through points.

    y = c + g·z + ½ · zᵀ H z,    z = (x − mean) / sd        by least squares
    z* = −H⁻¹ g,    y* = c − ½ · gᵀ H⁻¹ g                   if H is positive definite

x are logarithms for a sweep over factors: a loss is nearly a paraboloid in the logarithms of learning rate and batch.
"""

from dataclasses import dataclass

import numpy as np

from relscale.laws.law import Array


@dataclass(frozen=True)
class Minimum:
    """Minimum of a paraboloid: ``at`` (p,), ``value`` and ``hessian`` (p, p); all nan if it has no minimum."""

    at: Array
    value: float
    hessian: Array

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return bool(np.isfinite(self.value))

    def of(self, x: Array) -> Array:
        """The paraboloid (n,) at x (p, n)."""
        off = x - self.at[:, None]
        return np.asarray(self.value + 0.5 * np.einsum("in,ij,jn->n", off, self.hessian, off))


def terms(dimensions: int) -> int:
    """Number of coefficients of a paraboloid in ``dimensions`` variables."""
    return 1 + dimensions + dimensions * (dimensions + 1) // 2


def minimum(x: Array, y: Array, weights: Array | None = None) -> Minimum:
    """The minimum of the paraboloid through y (n,) at x (p, n).

    Parameters
    ----------
    weights
        (n,) such as the counts of a resample.
    """
    p = len(x)
    none = Minimum(np.full(p, np.nan), np.nan, np.full((p, p), np.nan))
    root = np.ones(len(y)) if weights is None else np.sqrt(weights)
    if (root > 0).sum() < terms(p):
        return none
    mean, sd = x.mean(axis=1), x.std(axis=1)
    if not (sd > 0).all():
        return none
    z = (x - mean[:, None]) / sd[:, None]
    first, second = np.triu_indices(p)
    columns = np.vstack([np.ones(len(y)), z, z[first] * z[second]]) * root
    level = y.mean()
    coefficients, _, rank, _ = np.linalg.lstsq(columns.T, (y - level) * root, rcond=None)
    if rank < terms(p):
        return none
    hessian = np.zeros((p, p))
    hessian[first, second] = coefficients[1 + p :]
    hessian = hessian + hessian.T
    if not (np.linalg.eigvalsh(hessian) > 0).all():
        return none
    best = np.linalg.solve(hessian, -coefficients[1 : 1 + p])
    value = float(level + coefficients[0] + coefficients[1 : 1 + p] @ best / 2)
    return Minimum(mean + sd * best, value, hessian / np.outer(sd, sd))
