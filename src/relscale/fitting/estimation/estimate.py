"""Estimation of a law: parameters, standard errors and diagnostics.

    θ̂ = argmin Σ_i w_i · ρ(ln f(θ, x_i) − ln y_i)   or, with linear residuals,   Σ_i w_i · ρ(f(θ, x_i) − y_i)

ρ is half the square or Huber's loss (``relscale.fitting.estimation.objective``). One minimiser handles all cases, from
several starting points, for many data sets at once (groups, bootstrap replicates).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from relscale.fitting.estimation.estimates import SAME_OPTIMUM, Estimates, best_of_starts
from relscale.fitting.estimation.levenberg_marquardt import ORTHOGONAL, Minima, minimise
from relscale.fitting.estimation.objective import Objective
from relscale.fitting.estimation.preparation import prepared
from relscale.fitting.estimation.variable_projection import projected_starts
from relscale.laws.law import Array, Law

ENOUGH = 6  # agreeing starts, with which a law that may be searched again by variable projection is not
CONTINUED = 4  # times that the lowest end of such a law is searched on from, if it has not converged


def estimate(
    law: Law,
    x: ArrayLike,
    y: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    loss: str = "squares",
    delta: float = 1e-3,
    residual: str = "log",
    starts: ArrayLike | None = None,
    fixed: Mapping[str, ArrayLike] | None = None,
    tolerance: float = ORTHOGONAL,
) -> Estimates:
    """Estimate a law's parameters on B data sets.

    Parameters
    ----------
    x
        (p, n), or (p, n, B) if the data sets differ in it.
    y
        (n,) or (n, B). Points where x or y is not finite have no weight.
    weights
        (n,) or (n, B), at least 0: counts of a bootstrap, 1 / stderr², or both multiplied.
    loss, delta
        "squares", or "huber", which is linear beyond residuals of ``delta``.
    residual
        "log" for residuals of the logarithm, or "linear".
    starts
        (s, q) or (s, q, B) starting points; by default those of the law, found for each data set (once for all if they
        share x and y).
    fixed
        Values of parameters that are held fixed: numbers, or (B,).
    tolerance
        The cosine between residuals and derivatives at which a search ends.

    Raises
    ------
    RelscaleError
        A name is unknown, or shapes do not match. Data that cannot be fitted raise no error; they have a status.
    """
    with np.errstate(all="ignore"):
        objective, begin, has_no_log = prepared(
            law, x, y, weights=weights, loss=loss, delta=delta, residual=residual, starts=starts, fixed=fixed
        )

        def best(minima: Minima, count: int) -> Estimates:
            return best_of_starts(objective, minima, count, has_no_log, tuple(fixed or ()))

        minima, count = _minima(objective, objective.u(begin), tolerance), begin.shape[1]
        found = best(minima, count)
        if not (law.projects and starts is None and loss == "squares" and (found.agreeing < ENOUGH).any()):
            return found
        again = projected_starts(
            law, x, y, begin, found.theta, weights=weights, residual=residual, fixed=fixed
        )
        minima = Minima.joined([minima, _minima(objective, objective.u(again), tolerance)])
        count += again.shape[1]
        found = best(minima, count)
        for _ in range(CONTINUED):
            if found.converged.all():
                break
            end = _minima(objective, objective.u(found.theta[:, None]), tolerance)
            minima, count = Minima.joined([minima, end]), count + 1
            found = best(minima, count)
        return found


def least_objective(
    law: Law,
    x: ArrayLike,
    y: ArrayLike,
    start: Array,
    *,
    weights: ArrayLike | None = None,
    residual: str = "log",
    fixed: Mapping[str, ArrayLike] | None = None,
) -> tuple[Array, Array]:
    """The ``objective`` (B,) and ``theta`` (q, B) of `estimate` by least squares from one start (q, B), and no more.

    Both are nan where nothing was found.
    """
    with np.errstate(all="ignore"):
        objective, begin, _ = prepared(
            law, x, y, weights=weights, residual=residual, starts=start[None], fixed=fixed
        )
        minima = _minima(objective, objective.u(begin), ORTHOGONAL)
        found = np.isfinite(minima.cost)
        least = np.where(found, minima.cost * np.square(objective.unit), np.nan)
        return least, np.where(found, objective.theta(minima.u), np.nan)


def _minima(objective: Objective, start: Array, tolerance: float) -> Minima:
    """The minima reached from ``start`` (q, s, B), all data sets of the first start first.

    Searches on the original data run until they converge, so that agreeing ones can be counted. Those on resampled data
    run one start after the other, and a later one may stop early; if the lowest end is of a search that has not
    converged, it is continued with new damping.
    """
    q, count, problems = start.shape
    columns = np.arange(problems)
    if tolerance <= ORTHOGONAL:
        return minimise(objective, start.reshape(q, -1), np.tile(columns, count), tolerance)
    minima: list[Minima] = []
    least = np.full(problems, np.inf)
    for i in range(count):
        minimum = minimise(objective, start[:, i], columns, tolerance, least)
        least = np.fmin(least, np.where(minimum.converged, minimum.cost, np.inf))
        minima.append(minimum)
    ends = Minima.joined(minima)
    lowest = ends.cost.reshape(count, problems).argmin(axis=0) * problems + columns
    unsettled = columns[~(least <= ends.cost[lowest] * (1 + SAME_OPTIMUM))]
    again, at = minimise(objective, ends.u[:, lowest[unsettled]], unsettled, tolerance), lowest[unsettled]
    ends.u[:, at], ends.cost[at], ends.converged[at] = again.u, again.cost, again.converged
    ends.steps[at] += again.steps
    return ends
