"""Levenberg–Marquardt for many problems at once, within bounds.

At each step, for every problem that has not yet converged,

    (H + μ·S) s = −g,    u ← clip(u + s, low, high) if that lowers Q

with gradient g and Gauss–Newton curvature H of the objective, S the largest Σ w (∂r/∂u)² met so far, and the damping
μ by Nielsen's rule. A parameter on a bound that g pushes against is held. For Huber's loss H has only the points within
δ, for which the loss is curved, and S all of them, so that a step stays finite where few are within.

Sources: Marquardt, *J. SIAM* 11 (1963) 431; Moré, *Numerical Analysis* (LNM 630, 1978) 105, for S; Nielsen, *Damping
Parameter in Marquardt's Method*, IMM-REP-1999-05.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.estimation.objective import Expansion, Indices
from relscale.laws.law import Array

STEPS = 300
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-15, 1e16
ORTHOGONAL = (
    1e-9  # cosine between residuals and each parameter's derivatives, below which the gradient is zero
)
EXACT = 1e-13  # root mean square of r, relative to ln y or y, below which a fit is exact
STALLED = 1e-5  # the same cosine where no step lowers Q any more: the resolution of double precision
BATCH = 2**18  # numbers in one batch's derivatives, so that they stay in the cache


class Objective(Protocol):
    """What can be minimised: see ``relscale.fitting.estimation.objective``."""

    @property
    def y(self) -> Array: ...  # noqa: D102
    @property
    def low(self) -> Array: ...  # noqa: D102
    @property
    def high(self) -> Array: ...  # noqa: D102
    @property
    def free(self) -> NDArray[np.bool_]: ...  # noqa: D102
    def scale(self, columns: Indices) -> Array: ...  # noqa: D102
    def cost(self, u: Array, columns: Indices) -> Array: ...  # noqa: D102
    def expansion(self, u: Array, columns: Indices) -> Expansion: ...  # noqa: D102


@dataclass(frozen=True)
class Minima:
    """Where the search ended; m problems.

    Attributes
    ----------
    u
        (q, m)
    cost
        (m,)
    converged
        (m,) whether the gradient vanishes there.
    steps
        (m,) taken.
    """

    u: Array
    cost: Array
    converged: NDArray[np.bool_]
    steps: Indices


def minimise(objective: Objective, start: Array, columns: Indices) -> Minima:
    """Minimise from ``start`` (q, m), each for the data set ``columns`` (m,) of the objective."""
    size = max(1, BATCH // max(1, start.shape[0] * objective.y.shape[0]))
    parts = [
        _minimise(objective, start[:, i : i + size], columns[i : i + size])
        for i in range(0, start.shape[1], size)
    ]
    return Minima(
        *(
            np.concatenate([getattr(part, name) for part in parts], axis=-1)
            for name in ("u", "cost", "converged", "steps")
        )
    )


def _minimise(objective: Objective, start: Array, columns: Indices) -> Minima:
    q, m = start.shape
    u = np.clip(start, objective.low, objective.high)
    cost = objective.cost(u, columns)
    converged, steps = np.zeros(m, dtype=bool), np.zeros(m, dtype=np.int64)
    gradient, scale, cosine = np.zeros((q, m)), np.zeros((q, m)), np.full(m, np.inf)
    curvature = np.zeros((m, q, q))
    damping, growth = np.full(m, FIRST_DAMPING), np.full(m, 2.0)
    free = np.broadcast_to(objective.free[:, None], (q, m))
    exact = EXACT * objective.scale(columns)

    alive = np.flatnonzero(np.isfinite(cost))
    moved = alive  # the problems whose expansion is out of date
    for _ in range(STEPS):
        if not len(alive):
            break
        expansion = objective.expansion(u[:, moved], columns[moved])
        gradient[:, moved], curvature[moved] = expansion.gradient, expansion.curvature
        scale[:, moved] = np.maximum(scale[:, moved], expansion.size)
        pinned = _pinned(u[:, moved], gradient[:, moved], objective)
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.abs(expansion.gradient) / np.sqrt(expansion.size * expansion.influence)
        each = np.where(pinned | ~free[:, moved] | (expansion.gradient == 0), 0.0, each)
        cosine[moved] = each.max(axis=0, initial=0.0)
        converged[moved] = (cosine[moved] <= ORTHOGONAL) | (np.sqrt(expansion.influence) <= exact[moved])
        alive = alive[~converged[alive]]

        held = _pinned(u[:, alive], gradient[:, alive], objective) | ~free[:, alive] | (scale[:, alive] <= 0)
        g = np.where(held, 0.0, gradient[:, alive])
        step = _solve(curvature[alive], damping[alive] * scale[:, alive], g, held)
        trial = np.clip(u[:, alive] + step, objective.low, objective.high)
        step = trial - u[:, alive]
        bent = np.einsum("im,mij,jm->m", step, curvature[alive], step)
        expected = -(g * step).sum(axis=0) - bent / 2
        found = objective.cost(trial, columns[alive])
        gain = cost[alive] - found
        better = gain > 0
        moved = alive[better]
        u[:, moved], cost[moved] = trial[:, better], found[better]
        steps[moved] += 1
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            ratio = np.where(expected > 0, gain / expected, 0.0)
            shrink = np.maximum(1 / 3, 1 - np.clip(2 * ratio - 1, -1, 1.3) ** 3)
        damping[alive] *= np.where(better, shrink, growth[alive])
        growth[alive] = np.where(better, 2.0, 2 * growth[alive])
        damping[alive] = np.maximum(damping[alive], LEAST_DAMPING)
        lost = alive[~better & (damping[alive] > MOST_DAMPING)]
        converged[lost] = cosine[lost] <= STALLED
        alive = alive[better | (damping[alive] <= MOST_DAMPING)]
    return Minima(u, cost, converged, steps)


def _pinned(u: Array, gradient: Array, objective: Objective) -> NDArray[np.bool_]:
    """Which parameters are on a bound that a step downhill would cross."""
    return ((u <= objective.low) & (gradient > 0)) | ((u >= objective.high) & (gradient < 0))


def _solve(curvature: Array, damping: Array, gradient: Array, held: NDArray[np.bool_]) -> Array:
    """Steps (q, m) of ``(curvature + diag(damping)) step = −gradient``, 0 where held."""
    q = len(gradient)
    root = np.sqrt(np.where(held, 1.0, curvature.diagonal(axis1=1, axis2=2).T + damping))
    root = np.where(root > 0, root, 1.0)
    matrix = curvature / (root.T[:, :, None] * root.T[:, None, :])
    matrix = np.where((held.T[:, :, None] | held.T[:, None, :]), 0.0, matrix)
    diagonal = np.where(held, 1.0, matrix.diagonal(axis1=1, axis2=2).T + damping / root**2)
    matrix[:, np.arange(q), np.arange(q)] = diagonal.T * (1 + 1e-15)
    step = np.linalg.solve(matrix, (-gradient / root).T[..., None])[..., 0].T
    return np.asarray(step / root)
