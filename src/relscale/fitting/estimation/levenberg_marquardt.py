"""Levenberg–Marquardt for many problems at once, within bounds.

At each step, for every problem that has not yet converged,

    (H + μ·S) s = −g,    u ← clip(u + s, low, high) if that lowers Q

with gradient g and Gauss–Newton curvature H of the objective, S the largest Σ w (∂r/∂u)² met so far, of which each
step forgets half, so that a parameter that comes to matter less still moves, and the damping μ by Nielsen's rule. A
parameter on a bound that g pushes against is held. For Huber's loss H has only the points within δ, for which the loss
is curved, and S all of them, so that a step stays finite where few are within.

H leaves out Σ w r ∂²r/∂u², and where many parameters are hardly known that is why the last digits come slowly. From
``MANY`` parameters on, and near the optimum, an estimate of it is added to H: what H did not foresee of the last
changes of g. A step that does not lower Q forgets it.

Sources: Marquardt, *J. SIAM* 11 (1963) 431; Moré, *Numerical Analysis* (LNM 630, 1978) 105, for S; Nielsen, *Damping
Parameter in Marquardt's Method*, IMM-REP-1999-05; Dennis, Gay and Welsch, *ACM TOMS* 7 (1981) 348, for the part that is
left out and how it shrinks; here its updates are symmetric and of rank one.

A cosine says nothing of how much a parameter matters: one that hardly does is searched for long, and in the end no step
lowers Q within double precision. Searches of resampled data, whose tolerance is above ``ORTHOGONAL``, therefore also
end where a step lowers Q by a share of less than ``FLAT``, which is a step of less than √(FLAT·df) standard errors.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.estimation.objective import MANY, Expansion, Indices
from relscale.laws.law import Array
from relscale.storage.process import cores

STEPS = 300
FORGETTING = 0.5  # what is left of the largest S after a step
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-15, 1e16
ORTHOGONAL = 1e-9  # cosine between residuals and a parameter's derivatives, below which the gradient is zero
OF_A_DRAW = 1e-7  # the same for resampled data: parameters end within 1e-4 of their spread over the draws
EXACT = 1e-13  # root mean square of r, relative to ln y or y, below which a fit is exact
FLAT = 1e-13  # share of Q by which a step of a draw lowers it, below which the rest is no change of the curve
FAR, SAME = 1000.0, 1e-8  # see ``minimise``
UNDAMPED = 1e-2  # damping up to which a step is about Gauss and Newton's
STALLED = 1e-5  # the same cosine where no step lowers Q any more: the resolution of double precision
RIDGE = 1e-10  # added to the diagonal, which is 1, of equations without a solution
SEVERAL = 6  # as ``MANY``, for resampled data, some of which are worse conditioned than the data themselves
NEAR = 1e-3  # cosine below which the part of the curvature that H leaves out is estimated
SURE = 1e-8  # cosine between a step and what the estimate misses, below which that says nothing
BATCH = 2**18  # numbers in the derivatives of the problems that are searched side by side: 2 MiB
LARGEST_BUFFER = 2**21  # numbers, 16 MiB
MUCH = 2**23  # numbers in the derivatives of all problems, from which on every core has its share


class Objective(Protocol):
    """An objective that can be minimised: see ``relscale.fitting.estimation.objective``."""

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


def minimise(
    objective: Objective,
    start: Array,
    columns: Indices,
    tolerance: float = ORTHOGONAL,
    least: Array | None = None,
) -> Minima:
    """Minimise from ``start`` (q, m), each for the data set ``columns`` (m,), until all cosines are at ``tolerance``.

    ``least`` (m,) is the least Q that another start of the same data set has led to. A search that will not end below
    it is given up: one whose steps lower Q by less than ``1 / FAR`` of what it is above, or by less than ``SAME`` of Q
    where it is as low.

    Where there is much to do, each core of this process has its share of the problems.
    """
    shares = workers() if len(columns) * objective.numbers >= MUCH else 1
    if shares == 1:
        return _search(objective, start, columns, tolerance, least)
    with ThreadPoolExecutor(shares) as pool:
        parts = [
            pool.submit(
                copy_context().run,
                _search,
                objective,
                start[:, share],
                columns[share],
                tolerance,
                None if least is None else least[share],
            )
            for share in np.array_split(np.arange(len(columns)), shares)
        ]
        minima = [part.result() for part in parts]
    return Minima(
        u=np.concatenate([minimum.u for minimum in minima], axis=1),
        cost=np.concatenate([minimum.cost for minimum in minima]),
        converged=np.concatenate([minimum.converged for minimum in minima]),
        steps=np.concatenate([minimum.steps for minimum in minima]),
    )


def _search(
    objective: Objective, start: Array, columns: Indices, tolerance: float, least: Array | None
) -> Minima:
    """As many problems side by side as ``BATCH`` allows; where one is done the next moves up."""
    q, m = start.shape
    u = np.clip(start, objective.low, objective.high)
    cost, cosine = np.full(m, np.inf), np.full(m, np.inf)
    gradient, scale, curvature = np.zeros((q, m)), np.zeros((q, m)), np.zeros((m, q, q))
    secant = np.zeros((m, q, q)) if q >= (SEVERAL if tolerance > ORTHOGONAL else MANY) else None
    damping, growth = np.full(m, FIRST_DAMPING), np.full(m, 2.0)
    converged, steps, tries = np.zeros(m, dtype=bool), np.zeros(m, dtype=int), np.zeros(m, dtype=int)
    exact = EXACT * objective.scale(columns)
    width = max(1, BATCH // max(1, objective.numbers))
    np.empty(
        LARGEST_BUFFER
    )  # freed at once: glibc then reuses blocks of up to that size, where each step would pay for new pages

    waiting = np.arange(m)
    while len(waiting):
        current = waiting[:width]
        first = tries[current] == 0  # the start itself is to be looked at
        on_bound = (
            _pinned(u[:, current], gradient[:, current], objective)
            | ~objective.free[:, None]
            | (scale[:, current] <= 0)
        )
        g = np.where(on_bound, 0.0, gradient[:, current])
        matrix = curvature[current] if secant is None else curvature[current] + secant[current]
        step = _solve(matrix, damping[current] * scale[:, current], g, on_bound)
        trial = np.clip(u[:, current] + np.where(first, 0.0, step), objective.low, objective.high)
        step = trial - u[:, current]
        expected = -(g * step).sum(axis=0) - np.einsum("im,mij,jm->m", step, matrix, step) / 2

        expansion = objective.expansion(trial, columns[current])
        with np.errstate(invalid="ignore"):
            gain = cost[current] - expansion.cost
            better = gain > 0
            ratio = np.where(expected > 0, gain / np.where(expected > 0, expected, 1.0), 0.0)
        shrink = np.maximum(1 / 3, 1 - np.clip(2 * ratio - 1, -1, 1.3) ** 3)
        change = np.where(first, 1.0, np.where(better, shrink, growth[current]))
        grown = np.where(better, 2.0, 2 * growth[current])
        if secant is not None:
            misled = ~better & secant[current].any(
                axis=(1, 2)
            )  # to be tried again without it, at the same damping
            change, grown = np.where(misled, 1.0, change), np.where(misled, growth[current], grown)
            secant[current[misled]] = 0.0
            near = better & (cosine[current] < NEAR)
            changed = expansion.gradient[:, near] - gradient[:, current[near]]
            secant[current[near]] = _secant(
                secant[current[near]], step[:, near], changed, expansion.curvature[near]
            )
        damping[current] = np.maximum(damping[current] * change, LEAST_DAMPING)
        growth[current] = grown
        tries[current] += 1

        on = current[better]
        steps[on] += tries[on] > 1
        u[:, on], cost[on] = trial[:, better], expansion.cost[better]
        gradient[:, on], curvature[on] = expansion.gradient[:, better], expansion.curvature[better]
        scale[:, on] = np.maximum(FORGETTING * scale[:, on], expansion.size[:, better])
        cosine[on] = _cosine(expansion, u[:, on], better, objective)
        converged[on] = (cosine[on] <= tolerance) | (np.sqrt(expansion.influence[better]) <= exact[on])
        if tolerance > ORTHOGONAL:
            flat = better & ~first & (np.maximum(gain, expected) <= FLAT * expansion.cost)
            converged[current[flat & (damping[current] <= UNDAMPED)]] = True
        stalled = ~better & (damping[current] > MOST_DAMPING)
        converged[current[stalled]] = cosine[current[stalled]] <= STALLED
        done = converged[current] | stalled | (tries[current] >= STEPS) | np.isinf(cost[current])
        if least is not None:
            above = cost[current] - least[current]
            beaten = (FAR * gain < above) | (np.maximum(np.abs(above), gain) <= SAME * least[current])
            done |= beaten & better & ~first & (damping[current] <= UNDAMPED) & np.isfinite(least[current])
        waiting = np.concatenate([current[~done], waiting[width:]])
    return Minima(u, cost, converged, steps)


def workers() -> int:
    """The cores that this process may use, at most ``OMP_NUM_THREADS`` of them."""
    most = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores(), int(most))) if most.isdigit() else cores()


def _secant(secant: Array, step: Array, changed: Array, curvature: Array) -> Array:
    """The estimate T (m, q, q) of what H leaves out, so that ``(H + T) s`` is by how much the gradient changed."""
    s = step.T[..., None]
    unforeseen = changed.T[..., None] - curvature @ s
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.abs((s * unforeseen).sum(axis=1) / (s * (secant @ s)).sum(axis=1))
    secant = secant * np.where(share < 1, share, 1.0)[..., None]  # it shrinks as the residuals do
    missed = unforeseen - secant @ s
    along = (missed * s).sum(axis=1)
    known = np.abs(along) > SURE * np.sqrt((missed**2).sum(axis=1) * (s**2).sum(axis=1))
    update = missed @ missed.transpose(0, 2, 1) / np.where(known, along, np.inf)[..., None]
    return np.asarray(secant + update)


def _cosine(expansion: Expansion, u: Array, which: NDArray[np.bool_], objective: Objective) -> Array:
    """The largest cosine between the residuals and a parameter's derivatives, of those that may still move."""
    gradient = expansion.gradient[:, which]
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.abs(gradient) / np.sqrt(expansion.size[:, which] * expansion.influence[which])
    still = _pinned(u, gradient, objective) | ~objective.free[:, None] | (gradient == 0)
    return np.asarray(np.where(still, 0.0, cosines).max(axis=0, initial=0.0))


def _pinned(u: Array, gradient: Array, objective: Objective) -> NDArray[np.bool_]:
    """Which parameters are on a bound that a step downhill would cross."""
    return ((u <= objective.low) & (gradient > 0)) | ((u >= objective.high) & (gradient < 0))


def _solve(curvature: Array, damping: Array, gradient: Array, fixed: NDArray[np.bool_]) -> Array:
    """Steps (q, m) of ``(curvature + diag(damping)) step = −gradient``, 0 where held."""
    q = len(gradient)
    root = np.sqrt(np.where(fixed, 1.0, np.abs(curvature.diagonal(axis1=1, axis2=2).T) + damping))
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
