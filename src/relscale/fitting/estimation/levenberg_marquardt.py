"""Levenberg–Marquardt for many problems at once, within bounds.

At each step, for every problem that has not yet converged,

    (H + μ·S) s = −g,    u ← clip(u + s, low, high) if that lowers Q

with gradient g and Gauss–Newton curvature H of the objective, S the largest Σ w (∂r/∂u)² met so far, of which each
step forgets half, so that a parameter that comes to matter less still moves, and the damping μ by Nielsen's rule. A
parameter on a bound that g pushes against is held. For Huber's loss H has only the points within δ, for which the loss
is curved, and S all of them, so that a step stays finite where few are within.

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
FORGETTING = 0.5  # what is left of the largest S after a step
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-15, 1e16
ORTHOGONAL = 1e-9  # cosine between residuals and a parameter's derivatives, below which the gradient is zero
OF_A_DRAW = 1e-7  # the same for resampled data: parameters end within 1e-4 of their spread over the draws
EXACT = 1e-13  # root mean square of r, relative to ln y or y, below which a fit is exact
STALLED = 1e-5  # the same cosine where no step lowers Q any more: the resolution of double precision
RIDGE = 1e-10  # added to the diagonal, which is 1, of equations without a solution
BATCH = 2**18  # numbers in the derivatives of the problems that are searched side by side: 2 MiB
KEPT = 2**21  # numbers, 16 MiB


class Objective(Protocol):
    """What can be minimised: see ``relscale.fitting.estimation.objective``."""

    @property
    def numbers(self) -> int: ...  # noqa: D102
    @property
    def low(self) -> Array: ...  # noqa: D102
    @property
    def high(self) -> Array: ...  # noqa: D102
    @property
    def free(self) -> NDArray[np.bool_]: ...  # noqa: D102
    def scale(self, columns: Indices) -> Array: ...  # noqa: D102
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


def minimise(objective: Objective, start: Array, columns: Indices, tolerance: float = ORTHOGONAL) -> Minima:
    """Minimise from ``start`` (q, m), each for the data set ``columns`` (m,), until all cosines are at ``tolerance``.

    The problems are searched side by side, as many at a time as ``BATCH`` allows; where one is done the next moves up.
    """
    q, m = start.shape
    u = np.clip(start, objective.low, objective.high)
    cost, cosine = np.full(m, np.inf), np.full(m, np.inf)
    gradient, scale, curvature = np.zeros((q, m)), np.zeros((q, m)), np.zeros((m, q, q))
    damping, growth = np.full(m, FIRST_DAMPING), np.full(m, 2.0)
    converged, steps, tries = np.zeros(m, dtype=bool), np.zeros(m, dtype=int), np.zeros(m, dtype=int)
    exact = EXACT * objective.scale(columns)
    width = max(1, BATCH // max(1, objective.numbers))
    np.empty(
        KEPT
    )  # freed at once: glibc then reuses blocks of up to that size, where each step would pay for new pages

    waiting = np.arange(m)
    while len(waiting):
        now = waiting[:width]
        first = tries[now] == 0  # the start itself is to be looked at
        held = (
            _pinned(u[:, now], gradient[:, now], objective) | ~objective.free[:, None] | (scale[:, now] <= 0)
        )
        g = np.where(held, 0.0, gradient[:, now])
        step = _solve(curvature[now], damping[now] * scale[:, now], g, held)
        trial = np.clip(u[:, now] + np.where(first, 0.0, step), objective.low, objective.high)
        step = trial - u[:, now]
        expected = -(g * step).sum(axis=0) - np.einsum("im,mij,jm->m", step, curvature[now], step) / 2

        found = objective.expansion(trial, columns[now])
        with np.errstate(invalid="ignore"):
            gain = cost[now] - found.cost
            better = gain > 0
            ratio = np.where(expected > 0, gain / np.where(expected > 0, expected, 1.0), 0.0)
        shrink = np.maximum(1 / 3, 1 - np.clip(2 * ratio - 1, -1, 1.3) ** 3)
        change = np.where(first, 1.0, np.where(better, shrink, growth[now]))
        damping[now] = np.maximum(damping[now] * change, LEAST_DAMPING)
        growth[now] = np.where(better, 2.0, 2 * growth[now])
        tries[now] += 1

        on = now[better]
        steps[on] += tries[on] > 1
        u[:, on], cost[on] = trial[:, better], found.cost[better]
        gradient[:, on], curvature[on] = found.gradient[:, better], found.curvature[better]
        scale[:, on] = np.maximum(FORGETTING * scale[:, on], found.size[:, better])
        cosine[on] = _cosine(found, u[:, on], better, objective)
        converged[on] = (cosine[on] <= tolerance) | (np.sqrt(found.influence[better]) <= exact[on])
        stalled = ~better & (damping[now] > MOST_DAMPING)
        converged[now[stalled]] = cosine[now[stalled]] <= STALLED
        done = converged[now] | stalled | (tries[now] >= STEPS) | np.isinf(cost[now])
        waiting = np.concatenate([now[~done], waiting[width:]])
    return Minima(u, cost, converged, steps)


def _cosine(expansion: Expansion, u: Array, which: NDArray[np.bool_], objective: Objective) -> Array:
    """The largest cosine between the residuals and a parameter's derivatives, of those that may still move."""
    gradient = expansion.gradient[:, which]
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.abs(gradient) / np.sqrt(expansion.size[:, which] * expansion.influence[which])
    still = _pinned(u, gradient, objective) | ~objective.free[:, None] | (gradient == 0)
    return np.asarray(np.where(still, 0.0, each).max(axis=0, initial=0.0))


def _pinned(u: Array, gradient: Array, objective: Objective) -> NDArray[np.bool_]:
    """Which parameters are on a bound that a step downhill would cross."""
    return ((u <= objective.low) & (gradient > 0)) | ((u >= objective.high) & (gradient < 0))


def _solve(curvature: Array, damping: Array, gradient: Array, fixed: NDArray[np.bool_]) -> Array:
    """Steps (q, m) of ``(curvature + diag(damping)) step = −gradient``, 0 where held."""
    q = len(gradient)
    root = np.sqrt(np.where(fixed, 1.0, curvature.diagonal(axis1=1, axis2=2).T + damping))
    root = np.where(root > 0, root, 1.0)
    matrix = curvature / (root.T[:, :, None] * root.T[:, None, :])
    matrix = np.where((fixed.T[:, :, None] | fixed.T[:, None, :]), 0.0, matrix)
    diagonal = np.where(fixed, 1.0, matrix.diagonal(axis1=1, axis2=2).T + damping / root**2)
    matrix[:, np.arange(q), np.arange(q)] = diagonal.T * (1 + 1e-15)
    right = (-gradient / root).T[..., None]
    try:
        step = np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:  # two parameters with the same derivatives, and no damping left
        matrix[:, np.arange(q), np.arange(q)] += RIDGE
        step = np.linalg.solve(matrix, right)
    return np.asarray(step[..., 0].T / root)
