"""Covariance of estimates, from the derivatives of the residuals at the optimum.

    least squares:  s² · (Jᵀ W J)⁻¹,   s² = Σ w r² / df
    Huber's loss:   H⁻¹ · (n / df) · (Jᵀ W diag(ψ²) W J) · H⁻¹,   H = Jᵀ W diag(|r| ≤ δ) J

The second is the sandwich of M-estimation (Huber, *Robust Statistics*, 1981, section 7.6); weights are taken as known.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.estimation.levenberg_marquardt import BATCH
from relscale.fitting.estimation.objective import Indices, Objective, of_columns, products
from relscale.fitting.estimation.shares import by_core
from relscale.laws.law import Array

NO_EFFECT = 1e-12  # root mean square of a parameter's derivatives, below which the law does not depend on it
DETERMINED = (
    1e-13  # smallest eigenvalue of the derivatives' correlations if the data determine all parameters
)


@dataclass(frozen=True)
class Covariance:
    """Covariance of q parameters for B data sets.

    Attributes
    ----------
    matrix
        (q, q, B) covariance of u; nan if the data do not determine all free parameters.
    determined
        (B,) whether the data determine all free parameters.
    irrelevant
        (q, B) free parameters that the law does not depend on at the optimum, for example if an amplitude is 0, for
        data sets that determine all others.
    """

    matrix: Array
    determined: NDArray[np.bool_]
    irrelevant: NDArray[np.bool_]


def covariance(objective: Objective, u: Array, df: Indices) -> Covariance:
    """Covariance at u (q, B), df (B,) degrees of freedom."""
    size = max(1, BATCH // max(1, objective.numbers))

    def of_share(share: Indices) -> list[Covariance]:
        return [_covariance(objective, u, df, share[i : i + size]) for i in range(0, len(share), size)]

    parts = [part for parts in by_core(of_share, u.shape[1], objective.numbers) for part in parts]
    return Covariance(
        matrix=np.concatenate([part.matrix for part in parts], axis=2),
        determined=np.concatenate([part.determined for part in parts]),
        irrelevant=np.concatenate([part.irrelevant for part in parts], axis=1),
    )


def _covariance(objective: Objective, u: Array, df: Indices, columns: Indices) -> Covariance:
    free = np.flatnonzero(objective.free)
    irrelevant = np.zeros((len(u), len(columns)), dtype=bool)
    if not len(free):
        matrix = np.zeros((len(u), len(u), len(columns)))
        return Covariance(matrix, np.ones(len(columns), dtype=bool), irrelevant)
    law = objective.law
    shapes = np.array([law.parameters[i].log or law.names[i] not in law.linear for i in free], dtype=bool)
    at = objective.expansion(u[:, columns], columns)
    size = np.sqrt(at.size[free].T)
    scale = np.where(size > 0, size, 1.0)
    units = scale[:, :, None] * scale[:, None, :]
    curved = at.curvature[:, free[:, None], free] / units
    curved = np.where(np.isfinite(curved), curved, 0.0)  # squares that overflow determine nothing
    gram, meat = curved, None
    weights = of_columns(objective.weights, columns).T
    if np.isfinite(objective.delta):
        residual, _ = objective.residuals(u[:, columns], columns)
        influence = weights * np.clip(residual.T, -objective.delta, objective.delta)
        jacobian = objective.derivatives(u[:, columns], columns)[free].transpose(2, 0, 1) / scale[:, :, None]
        gram = products(jacobian * weights[:, None], jacobian)
        meat = products(jacobian * influence[:, None] ** 2, jacobian)
    least = NO_EFFECT * np.sqrt(weights.sum(axis=1, keepdims=True)) * shapes
    relevant = size > least
    pairs = relevant[:, :, None] & relevant[:, None, :]
    identity = np.eye(len(free))
    of_relevant = np.linalg.eigvalsh(np.where(pairs, gram, identity))[:, 0] > DETERMINED
    determined = relevant.all(axis=1) & of_relevant
    irrelevant[free] = (~relevant & of_relevant[:, None]).T
    solvable = determined
    if curved is not gram:
        solvable = determined & (np.linalg.eigvalsh(curved)[:, 0] > DETERMINED)
    inverse = np.linalg.inv(np.where(solvable[:, None, None], curved, identity))
    degrees = np.maximum(df[columns], 1)
    with np.errstate(invalid="ignore", over="ignore"):
        if meat is None:
            full = inverse * (at.influence / degrees)[:, None, None]
        else:
            count = (weights > 0).sum(axis=1)
            full = inverse @ meat @ inverse * (count / degrees)[:, None, None]
    result = np.zeros((len(u), len(u), len(columns)))
    result[np.ix_(free, free)] = (full / units).transpose(1, 2, 0)
    result[..., ~solvable] = np.nan
    return Covariance(result, determined, irrelevant)
