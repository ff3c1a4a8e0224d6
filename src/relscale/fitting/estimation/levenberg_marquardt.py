"""Levenberg–Marquardt for many problems at once, within bounds.

At each step, for every problem that has not yet converged,

    (H + μ·S) s = −g,    u ← clip(u + s, low, high) if that lowers Q

with gradient g and Gauss–Newton curvature H of the objective, S the largest Σ w (∂r/∂u)² so far, of which each
step keeps half, so that a parameter whose effect decreases still moves, and the damping μ by Nielsen's rule. A
parameter on a bound that −g points beyond is held fixed. For Huber's loss, H includes only the points within δ, where
the loss is curved, and S includes all points, so that steps remain finite if few points are within δ.

H omits Σ w r ∂²r/∂u², which slows convergence if many parameters are poorly determined. From
``MANY`` parameters, an estimate of it is therefore added to H near the optimum, from the part of the last
changes of g that H did not predict. A step that does not lower Q resets it.

Sources: Marquardt, *J. SIAM* 11 (1963) 431; Moré, *Numerical Analysis* (LNM 630, 1978) 105, for S; Nielsen, *Damping
Parameter in Marquardt's Method*, IMM-REP-1999-05; Dennis, Gay and Welsch, *ACM TOMS* 7 (1981) 348, for the part that is
omitted and how it shrinks; here its updates are symmetric and of rank one.

A cosine does not measure the effect of a parameter: one with hardly any takes many steps, until none
lowers Q in double precision. Searches on resampled data, whose tolerance is above ``ORTHOGONAL``, therefore also
end if a step lowers Q by a share of less than ``FLAT``, which is a step of less than √(FLAT·df) standard errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.estimation.objective import MANY, Expansion, Indices
from relscale.fitting.estimation.shares import Take, on_cores
from relscale.laws.law import Array

STEPS = 300
FORGETTING = 0.5  # factor of the largest S per step
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-15, 1e16
ORTHOGONAL = 1e-9  # cosine between residuals and a parameter's derivatives, below which the gradient is zero
OF_A_DRAW = 1e-7  # the same for resampled data: parameters end within 1e-4 of their spread over the draws
EXACT = 1e-13  # root mean square of r, relative to ln y or y, below which a fit is exact
FLAT = 1e-13  # relative decrease of Q in a step, below which a draw has converged
FAR, SAME = 1000.0, 1e-8  # see ``minimise``
UNDAMPED = 1e-2  # damping below which a step is nearly a Gauss–Newton step
STALLED = 1e-5  # the same cosine if no step lowers Q: the resolution of double precision
RIDGE = 1e-10  # added to the unit diagonal of singular equations
SEVERAL = 6  # like ``MANY``, for resampled data, which may be worse conditioned than the original data
NEAR = 1e-3  # cosine below which the part of the curvature that H omits is estimated
SURE = 1e-8  # cosine between a step and the estimate's error, below which the estimate is not updated
BATCH = 2**18  # elements in the derivatives of the problems that are searched together: 2 MiB
# The same from `MANY` parameters, whose derivatives are computed of fewer data sets at a time.
WIDE_BATCH = 2**21
LARGEST_BUFFER = 2**21  # elements, 16 MiB
BY_PARAMETER = ("u", "gradient", "scale")  # arrays of problems whose first axis is that of the parameters


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
    def expansion(self, u: Array, columns: Indices, below: Array | None = None) -> Expansion: ...  # noqa: D102


@dataclass(frozen=True)
class Minima:
    """Results of the searches; m problems.

    Attributes
    ----------
    u
        (q, m)
    cost
        (m,)
    converged
        (m,) whether the gradient vanishes there.
    steps
        (m,) number of steps taken.
    """

    u: Array
    cost: Array
    converged: NDArray[np.bool_]
    steps: Indices

    @classmethod
    def joined(cls, minima: Sequence["Minima"]) -> "Minima":
        """The minima of several searches in a row."""
        return cls(
            u=np.concatenate([minimum.u for minimum in minima], axis=1),
            cost=np.concatenate([minimum.cost for minimum in minima]),
            converged=np.concatenate([minimum.converged for minimum in minima]),
            steps=np.concatenate([minimum.steps for minimum in minima]),
        )

    def select(self, which: Indices) -> "Minima":
        """Some of them, in this order."""
        return Minima(self.u[:, which], self.cost[which], self.converged[which], self.steps[which])


def minimise(
    objective: Objective,
    start: Array,
    columns: Indices,
    tolerance: float = ORTHOGONAL,
    least: Array | None = None,
) -> Minima:
    """Minimise from ``start`` (q, m), each on the data set ``columns`` (m,), until all cosines are at ``tolerance``.

    ``least`` (m,) is the smallest Q that another start of the same data set has reached. A search that cannot end below
    it stops: its steps lower Q by less than ``1 / FAR`` of the excess over ``least``, or by less than ``SAME`` of Q
    if there is no excess.

    Large sets of problems are divided among the cores of this process.
    """
    exact = EXACT * objective.scale(columns)
    parts = on_cores(
        lambda take: _search(objective, start, columns, exact, tolerance, least, take),
        len(columns),
        objective.numbers,
    )
    positions = np.concatenate([position for position, _ in parts])
    return Minima.joined([minima for _, minima in parts]).select(np.argsort(positions))


@dataclass
class _Problems:
    """Problems that are searched together; w problems, q parameters.

    Attributes
    ----------
    position
        (w,) which problems.
    u, gradient, scale
        (q, w) the best point of each, the gradient there, and S.
    curvature, secant
        (w, q, q) H there, and the estimate of what it omits, None if it is not estimated.
    has_secant
        (w,) whether that estimate is not 0.
    cost, cosine, exact, damping, growth, converged, steps, trials
        (w,) Q there, the largest cosine, √Q of an exact fit, μ, its factor if a step fails, whether the search has
        converged, steps and evaluations.
    """

    position: Indices
    u: Array
    gradient: Array
    scale: Array
    curvature: Array
    secant: Array | None
    has_secant: NDArray[np.bool_]
    cost: Array
    cosine: Array
    exact: Array
    damping: Array
    growth: Array
    converged: NDArray[np.bool_]
    steps: Indices
    trials: Indices

    @classmethod
    def begun(cls, position: Indices, u: Array, exact: Array, with_secant: bool) -> "_Problems":
        """Problems of which nothing has been evaluated."""
        q, w = u.shape
        return cls(
            position=position,
            u=u,
            gradient=np.zeros((q, w)),
            scale=np.zeros((q, w)),
            curvature=np.zeros((w, q, q)),
            secant=np.zeros((w, q, q)) if with_secant else None,
            has_secant=np.zeros(w, dtype=bool),
            cost=np.full(w, np.inf),
            cosine=np.full(w, np.inf),
            exact=exact,
            damping=np.full(w, FIRST_DAMPING),
            growth=np.full(w, 2.0),
            converged=np.zeros(w, dtype=bool),
            steps=np.zeros(w, dtype=int),
            trials=np.zeros(w, dtype=int),
        )

    def select(self, which: NDArray[np.bool_]) -> "_Problems":
        """Some of them."""
        some = {name: array[which] for name, array in self._by_problem()}
        return replace(self, **some | {name: some[name].T for name in BY_PARAMETER})

    def put(self, slots: Indices, others: "_Problems") -> None:
        """Replace the problems at ``slots`` by others."""
        for (_, array), (_, new) in zip(self._by_problem(), others._by_problem(), strict=True):
            array[slots] = new

    def _by_problem(self) -> list[tuple[str, NDArray[Any]]]:
        """The arrays by name, with the problems as first axis."""
        arrays = [(name, array) for name, array in vars(self).items() if array is not None]
        return [(name, array.T if name in BY_PARAMETER else array) for name, array in arrays]

    def minima(self, which: NDArray[np.bool_]) -> tuple[Indices, Minima]:
        """Some of them, and where their searches are."""
        found = Minima(self.u[:, which], self.cost[which], self.converged[which], self.steps[which])
        return self.position[which], found


def _search(
    objective: Objective,
    start: Array,
    columns: Indices,
    exact: Array,
    tolerance: float,
    least: Array | None,
    take: Take,
) -> tuple[Indices, Minima]:
    """Search as many problems at once as ``BATCH`` allows; each finished one is replaced by the next.

    Returns which problems were taken, and their minima.
    """
    q = len(start)
    with_secant = q >= (SEVERAL if tolerance > ORTHOGONAL else MANY)
    width = max(1, (BATCH if q < MANY else WIDE_BATCH) // max(1, objective.numbers))
    # Freed at once, after which glibc reuses blocks of up to this size instead of mapping new pages at each step.
    np.empty(LARGEST_BUFFER)

    def begun(most: int) -> _Problems:
        position = take(most)
        u = np.clip(start[:, position], objective.low, objective.high)
        return _Problems.begun(position, u, exact[position], with_secant)

    at, finished = begun(width), []
    while len(at.position):
        done = _step(
            objective, at, columns[at.position], tolerance, None if least is None else least[at.position]
        )
        if done.any():
            finished.append(at.minima(done))
            more = begun(int(done.sum()))
            replaced = np.flatnonzero(done)[: len(more.position)]
            at.put(replaced, more)
            done[replaced] = False
            at = at.select(~done) if done.any() else at
    if not finished:
        return at.minima(at.converged)
    positions, minima = zip(*finished, strict=True)
    return np.concatenate(positions), Minima.joined(minima)


def _step(
    objective: Objective, at: _Problems, columns: Indices, tolerance: float, least: Array | None
) -> NDArray[np.bool_]:
    """Take the next step of each search, if it lowers Q; which searches (w,) are done."""
    first = at.trials == 0  # evaluate the start itself
    on_bound = _pinned(at.u, at.gradient, objective) | ~objective.free[:, None] | (at.scale <= 0)
    g = np.where(on_bound, 0.0, at.gradient)
    matrix = at.curvature if at.secant is None else at.curvature + at.secant
    step = _solve(matrix, at.damping * at.scale, g, on_bound)
    trial = np.clip(at.u + np.where(first, 0.0, step), objective.low, objective.high)
    step = trial - at.u
    expected = -(g * step).sum(axis=0) - np.einsum("im,mij,jm->m", step, matrix, step) / 2

    expansion = objective.expansion(trial, columns, at.cost)
    with np.errstate(invalid="ignore"):
        gain = at.cost - expansion.cost
        better = gain > 0
        ratio = np.where(expected > 0, gain / np.where(expected > 0, expected, 1.0), 0.0)
    shrink = np.maximum(1 / 3, 1 - np.clip(2 * ratio - 1, -1, 1.3) ** 3)
    change = np.where(first, 1.0, np.where(better, shrink, at.growth))
    new_growth = np.where(better, 2.0, 2 * at.growth)
    if at.secant is not None:
        # retry without the secant estimate, at the same damping
        discard_secant = ~better & at.has_secant
        change = np.where(discard_secant, 1.0, change)
        new_growth = np.where(discard_secant, at.growth, new_growth)
        at.secant[discard_secant] = 0.0
        near = better & (at.cosine < NEAR)
        changed = expansion.gradient[:, near] - at.gradient[:, near]
        at.secant[near] = _secant(at.secant[near], step[:, near], changed, expansion.curvature[near])
        at.has_secant[discard_secant] = False
        at.has_secant[near] = at.secant[near].any(axis=(1, 2))
    at.damping = np.maximum(at.damping * change, LEAST_DAMPING)
    at.growth = new_growth
    at.trials += 1

    at.steps += better & (at.trials > 1)
    at.u, at.cost = np.where(better, trial, at.u), np.where(better, expansion.cost, at.cost)
    at.gradient = np.where(better, expansion.gradient, at.gradient)
    at.scale = np.where(better, np.maximum(FORGETTING * at.scale, expansion.size), at.scale)
    at.curvature[better] = expansion.curvature[better]
    at.cosine[better] = _cosine(expansion, at.u[:, better], better, objective)
    at_minimum = (at.cosine <= tolerance) | (np.sqrt(expansion.influence) <= at.exact)
    at.converged = np.where(better, at_minimum, at.converged)
    if tolerance > ORTHOGONAL:
        flat = better & ~first & (np.maximum(gain, expected) <= FLAT * expansion.cost)
        at.converged |= flat & (at.damping <= UNDAMPED)
    stalled = ~better & (at.damping > MOST_DAMPING)
    at.converged = np.where(stalled, at.cosine <= STALLED, at.converged)
    done = at.converged | stalled | (at.trials >= STEPS) | np.isinf(at.cost)
    if least is not None:
        above = at.cost - least
        cannot_win = (FAR * gain < above) | (np.maximum(np.abs(above), gain) <= SAME * least)
        done |= cannot_win & better & ~first & (at.damping <= UNDAMPED) & np.isfinite(least)
    return np.asarray(done)


def _secant(secant: Array, step: Array, changed: Array, curvature: Array) -> Array:
    """Estimate T (m, q, q) of the curvature that H omits, such that ``(H + T) s`` is the change of the gradient."""
    s = step.T[..., None]
    unexplained = changed.T[..., None] - curvature @ s
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.abs((s * unexplained).sum(axis=1) / (s * (secant @ s)).sum(axis=1))
    secant = secant * np.where(share < 1, share, 1.0)[..., None]  # it shrinks as the residuals do
    missed = unexplained - secant @ s
    along = (missed * s).sum(axis=1)
    known = np.abs(along) > SURE * np.sqrt((missed**2).sum(axis=1) * (s**2).sum(axis=1))
    update = missed @ missed.transpose(0, 2, 1) / np.where(known, along, np.inf)[..., None]
    return np.asarray(secant + update)


def _cosine(expansion: Expansion, u: Array, which: NDArray[np.bool_], objective: Objective) -> Array:
    """Largest cosine between the residuals and the derivatives of any parameter that can still move."""
    gradient = expansion.gradient[:, which]
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.abs(gradient) / np.sqrt(expansion.size[:, which] * expansion.influence[which])
    cannot_move = _pinned(u, gradient, objective) | ~objective.free[:, None] | (gradient == 0)
    return np.asarray(np.where(cannot_move, 0.0, cosines).max(axis=0, initial=0.0))


def _pinned(u: Array, gradient: Array, objective: Objective) -> NDArray[np.bool_]:
    """Which parameters are on a bound that a step downhill would cross."""
    return ((u <= objective.low) & (gradient > 0)) | ((u >= objective.high) & (gradient < 0))


def _solve(curvature: Array, damping: Array, gradient: Array, fixed: NDArray[np.bool_]) -> Array:
    """Steps (q, m) of ``(curvature + diag(damping)) step = −gradient``, 0 if held."""
    q = len(gradient)
    root = np.sqrt(np.where(fixed, 1.0, np.abs(curvature.diagonal(axis1=1, axis2=2).T) + damping))
    root = np.where(root > 0, root, 1.0)
    matrix = curvature / (root.T[:, :, None] * root.T[:, None, :])
    if fixed.any():
        matrix[fixed.T] = 0.0
        matrix.transpose(0, 2, 1)[fixed.T] = 0.0
    diagonal = np.where(fixed, 1.0, matrix.diagonal(axis1=1, axis2=2).T + damping / root**2)
    matrix[:, np.arange(q), np.arange(q)] = diagonal.T * (1 + 1e-15)
    right = (-gradient / root).T[..., None]
    try:
        step = np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:  # two parameters with the same derivatives, and no damping left
        matrix[:, np.arange(q), np.arange(q)] += RIDGE
        step = np.linalg.solve(matrix, right)
    return np.asarray(step[..., 0].T / root)
