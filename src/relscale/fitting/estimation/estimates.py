"""Estimates: the best of all starts, with uncertainty and status."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from relscale.confidence import t_quantile
from relscale.fitting.estimation.covariance import covariance
from relscale.fitting.estimation.levenberg_marquardt import EXACT, Minima
from relscale.fitting.estimation.objective import Objective
from relscale.fitting.status import OK, Remark, Status
from relscale.laws.law import Array, Law

SAME_OPTIMUM = 1e-6  # relative difference of two objectives that are considered equal
AT_BOUND = 1e-6  # share of a bounded parameter's range
NO_LOGARITHM = Remark(Status.NOT_POSITIVE, "a value is not positive, so it has no logarithm")
TOO_FEW = Remark(Status.TOO_FEW_POINTS, "too few points for an interval")


@dataclass(frozen=True)
class Estimates:
    """The best of all starts for each of B data sets; q parameters.

    Attributes
    ----------
    law, fixed
        The fitted law, and its parameters that were held fixed.
    theta
        (q, B); nan if there was nothing to fit.
    stderr
        (q, B); least squares: residual variance (n − free parameters degrees of freedom) times the inverse of JᵀWJ;
        Huber's loss: the sandwich. nan if a parameter is on a bound or undetermined, or df is 0.
    covariance
        (q, q, B) covariance of theta, to first order; nan if the status is not ok.
    objective
        (B,) weighted sum of ρ.
    converged
        (B,) whether the gradient vanishes at the best point found.
    determined
        (B,) whether the data determine all parameters: the derivatives are linearly independent.
    irrelevant
        (q, B) parameters that the law does not depend on at the optimum, if the data determine all others.
    at_bound
        (q, B)
    starts
        Number of starting points for each data set.
    agreeing
        (B,) number of starts that converged to the best objective, within 1e-6 of it.
    n, df
        (B,) number of points with positive weight, and that number minus the free parameters.
    status
        ``OK`` for each data set, or why its estimates must not be used.
    """

    law: Law
    fixed: tuple[str, ...]
    theta: Array
    stderr: Array
    covariance: Array
    objective: Array
    converged: NDArray[np.bool_]
    determined: NDArray[np.bool_]
    irrelevant: NDArray[np.bool_]
    at_bound: NDArray[np.bool_]
    starts: int
    agreeing: NDArray[np.int64]
    n: NDArray[np.int64]
    df: NDArray[np.int64]
    status: list[Remark]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of ``theta``."""
        return self.law.names

    def interval(self, level: float) -> tuple[Array, Array]:
        """Limits of the parameters, each (q, B), by Student's t; in logs for parameters that are estimated in logs."""
        half = t_quantile(np.where(self.df > 0, self.df, np.nan), level) * self.stderr
        logs = np.array([parameter.log for parameter in self.law.parameters])[:, None]
        with np.errstate(all="ignore"):
            factor = np.exp(half / self.theta)
            low = np.where(logs, self.theta / factor, self.theta - half)
            return low, np.where(logs, self.theta * factor, self.theta + half)


def best_of_starts(
    objective: Objective, minima: Minima, count: int, has_no_log: NDArray[np.bool_], fixed: tuple[str, ...]
) -> Estimates:
    """The best of ``count`` starts of each data set; ``minima`` has all data sets of the first start first.

    ``has_no_log`` (B,) marks the data sets that contain a value without a logarithm.
    """
    law = objective.law
    problems = minima.cost.size // count
    u = minima.u.reshape(-1, count, problems)
    cost, converged = minima.cost.reshape(count, problems), minima.converged.reshape(count, problems)
    positions = np.arange(problems)
    exact = (EXACT * objective.scale(positions)) ** 2
    least = cost.min(axis=0)
    same = cost <= least * (1 + SAME_OPTIMUM) + exact
    # The best start that converged to the best optimum, or the best of all if none converged.
    candidates = np.where((same & converged).any(axis=0), same & converged, True)
    best = np.where(candidates, cost, np.inf).argmin(axis=0)
    u, cost, settled = u[:, best, positions], cost[best, positions], converged[best, positions]

    width = objective.high - objective.low
    margin = AT_BOUND * np.where(np.isfinite(width), width, 0.0)
    free = objective.free[:, None]
    at_bound = ((u - objective.low <= margin) | (objective.high - u <= margin)) & free
    n = np.broadcast_to((objective.weights > 0).sum(axis=0), (problems,))
    df = n - int(objective.free.sum())
    spread = covariance(objective, u, df)
    determined = spread.determined
    theta = objective.theta(u)
    logs = np.array([parameter.log for parameter in law.parameters])[:, None]
    trusted = np.isfinite(cost) & settled & determined & (df > 0) & ~at_bound.any(axis=0)
    unit = np.where(logs, theta, 1.0)  # ∂θ/∂u
    with np.errstate(invalid="ignore", over="ignore"):
        variance = spread.matrix * unit * unit[:, None]
        stderr = np.sqrt(variance.diagonal().T)
    stderr = np.where(trusted & free, stderr, np.where(free, np.nan, 0.0))
    lost = ~np.isfinite(cost) | has_no_log | (n == 0)
    with np.errstate(over="ignore"):
        unit_squared = np.square(objective.unit)
    result = Estimates(
        law=law,
        fixed=fixed,
        theta=np.where(lost, np.nan, theta),
        stderr=np.where(lost, np.nan, stderr),
        covariance=np.where(trusted & ~lost, variance, np.nan),
        objective=np.where(lost, np.nan, cost * unit_squared),
        converged=settled & ~lost,
        determined=determined & ~lost,
        irrelevant=spread.irrelevant & ~lost,
        at_bound=at_bound & ~lost,
        starts=count,
        agreeing=np.where(lost, 0, (same & converged).sum(axis=0)),
        n=n,
        df=df,
        status=[],
    )
    return replace(result, status=[_status(result, j, bool(has_no_log[j])) for j in range(problems)])


def _status(estimates: Estimates, j: int, has_no_log: bool) -> Remark:
    if has_no_log:
        return NO_LOGARITHM
    if estimates.n[j] == 0:
        return Remark(Status.TOO_FEW_POINTS, "no points")
    if np.isnan(estimates.objective[j]):
        return Remark(Status.NO_START)
    if not estimates.converged[j]:
        return Remark(Status.NOT_CONVERGED)
    if estimates.at_bound[:, j].any():
        return Remark(Status.ON_A_BOUND, f"on a bound: {_listed(estimates.names, estimates.at_bound[:, j])}")
    if not estimates.determined[j]:
        return Remark(Status.UNDETERMINED)
    return OK if estimates.df[j] > 0 else TOO_FEW


def _listed(names: Sequence[str], selected: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, is_so in zip(names, selected, strict=True) if is_so)
