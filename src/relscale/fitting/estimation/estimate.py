"""Estimating a law: from data to parameters, standard errors and what must be known to trust them.

    θ̂ = argmin Σ_i w_i · ρ(ln f(θ, x_i) − ln y_i)   or, with linear error,   Σ_i w_i · ρ(f(θ, x_i) − y_i)

ρ is half the square or Huber's loss (``relscale.fitting.estimation.objective``). One minimiser for all of them, from
several starting points, for any number of data sets at once: groups, replicates of a bootstrap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from relscale.errors import RelscaleError
from relscale.fitting.estimation.covariance import covariance
from relscale.fitting.estimation.levenberg_marquardt import EXACT, Minima, minimise
from relscale.fitting.estimation.objective import Objective
from relscale.laws.law import Array, Law

SAME_OPTIMUM = 1e-6  # relative difference of two objectives that are taken for one
AT_BOUND = 1e-6  # share of a bounded parameter's range
LOSSES, ERRORS = ("squares", "huber"), ("log", "linear")


@dataclass(frozen=True)
class Estimates:
    """The best of all starts for each of B data sets; q parameters.

    Attributes
    ----------
    law, fixed
        What was fitted, and which of its parameters were given.
    theta
        (q, B); nan where there was nothing to fit.
    stderr
        (q, B); least squares: residual variance (n − free parameters degrees of freedom) times the inverse of JᵀWJ;
        Huber's loss: the sandwich. nan where a parameter is on a bound, not fixed by the data, or df is 0.
    objective
        (B,) the sum of ρ.
    converged
        (B,) whether the gradient vanishes at the best point found.
    at_bound
        (q, B)
    starts
        Starting points tried for each data set.
    agreeing
        (B,) how many of them converged to the best objective, within 1e-6 of it.
    n, df
        (B,) points with weight, and those less the free parameters.
    status
        For each data set "ok", or why the numbers must not be trusted.
    """

    law: Law
    fixed: tuple[str, ...]
    theta: Array
    stderr: Array
    objective: Array
    converged: NDArray[np.bool_]
    at_bound: NDArray[np.bool_]
    starts: int
    agreeing: NDArray[np.int64]
    n: NDArray[np.int64]
    df: NDArray[np.int64]
    status: list[str]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of ``theta``."""
        return self.law.names

    def interval(self, level: float) -> tuple[Array, Array]:
        """Limits of the parameters, each (q, B), by Student's t; on the logarithm of one searched there."""
        half = stdtrit(np.where(self.df > 0, self.df, np.nan), (1 + level) / 2) * self.stderr
        logs = np.array([parameter.log for parameter in self.law.parameters])[:, None]
        with np.errstate(all="ignore"):
            factor = np.exp(half / self.theta)
            low = np.where(logs, self.theta / factor, self.theta - half)
            return low, np.where(logs, self.theta * factor, self.theta + half)


def estimate(
    law: Law,
    x: ArrayLike,
    y: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    loss: str = "squares",
    delta: float = 1e-3,
    error: str = "log",
    starts: ArrayLike | None = None,
    fixed: Mapping[str, ArrayLike] | None = None,
) -> Estimates:
    """Estimate a law's parameters on B data sets.

    Parameters
    ----------
    x
        (p, n), or (p, n, B) where the data sets differ in it.
    y
        (n,) or (n, B). Points where x or y is not finite have no weight.
    weights
        (n,) or (n, B), at least 0: counts of a bootstrap, 1 / stderr², or both multiplied.
    loss, delta
        "squares", or "huber", linear beyond residuals of ``delta``.
    error
        "log", of the logarithm, or "linear".
    starts
        (s, q) or (s, q, B) starting points; by default those of the law, found for each data set (once for all where
        they share x and y).
    fixed
        Parameters that are given: numbers, or (B,).

    Raises
    ------
    RelscaleError
        A name is unknown, or shapes do not fit. Data that can not be fitted are no error but have a status.
    """
    if loss not in LOSSES:
        raise RelscaleError(f"law {law.name}: no loss {loss!r}; there are {', '.join(LOSSES)}")
    if error not in ERRORS:
        raise RelscaleError(f"law {law.name}: no error {error!r}; there are {', '.join(ERRORS)}")
    if not delta > 0:
        raise RelscaleError(f"law {law.name}: delta {delta!r} of Huber's loss is not positive")
    given = {name: np.asarray(value, dtype=float) for name, value in (fixed or {}).items()}
    for name in given:
        if name not in law.names:
            raise RelscaleError(f"law {law.name}: no parameter {name!r}; it has {', '.join(law.names)}")

    x, y, weights, problems = _shaped(law, x, y, weights)
    known = np.isfinite(x).all(axis=0) & np.isfinite(y)
    weights = np.where(known & (weights > 0), weights, 0.0)
    hopeless = ((weights > 0) & (y <= 0)).any(axis=0) if error == "log" else np.zeros(y.shape[1], dtype=bool)
    hopeless = np.broadcast_to(hopeless, problems)
    weights = np.where(hopeless, 0.0, weights) if hopeless.any() else weights
    x, y = np.where(np.isfinite(x), x, 1.0), np.where(known & ((y > 0) | (error == "linear")), y, 1.0)

    begin = _starts(law, x, y, weights) if starts is None else np.asarray(starts, dtype=float)
    if begin.shape[1] != len(law.names) or (begin.ndim == 3 and begin.shape[2] not in (1, problems)):
        raise RelscaleError(f"law {law.name}: starts have shape {begin.shape}, not (s, {len(law.names)}, B)")
    begin = begin if begin.ndim == 3 else begin[:, :, None]
    begin = np.broadcast_to(begin, (*begin.shape[:2], problems)).transpose(1, 0, 2).copy()  # (q, s, B)
    for name, value in given.items():
        begin[law.names.index(name)] = value
    low, high = _bounds(law, x, y, weights)
    objective = Objective(
        law=law,
        x=x,
        y=np.log(y) if error == "log" else y,
        weights=weights,
        delta=delta if loss == "huber" else np.inf,
        log_error=error == "log",
        free=np.array([name not in given for name in law.names]),
        low=low,
        high=high,
    )
    for name in given:  # what is given is not bounded
        i = law.names.index(name)
        objective.low[i], objective.high[i] = -np.inf, np.inf
    count = begin.shape[1]
    columns = np.tile(np.arange(problems), count)
    found = minimise(objective, objective.u(begin).reshape(len(law.names), -1), columns)
    return _best(objective, found, count, hopeless, tuple(given))


def _shaped(
    law: Law, x: ArrayLike, y: ArrayLike, weights: ArrayLike | None
) -> tuple[Array, Array, Array, int]:
    """x (p, n, B or 1), y and weights (n, B or 1), and B."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    w = np.ones(y.shape[:1]) if weights is None else np.asarray(weights, dtype=float)
    x, y, w = (
        (x if x.ndim == 3 else x[..., None]),
        (y if y.ndim == 2 else y[:, None]),
        (w if w.ndim == 2 else w[:, None]),
    )
    problems = max(x.shape[2], y.shape[1], w.shape[1])
    fitting = all(size in (1, problems) for size in (x.shape[2], y.shape[1], w.shape[1]))
    if x.shape[:2] != (len(law.predictors), len(y)) or len(w) != len(y) or not fitting:
        raise RelscaleError(
            f"law {law.name}: x {x.shape}, y {y.shape} and weights {w.shape} do not fit together; "
            f"x needs {len(law.predictors)} rows ({', '.join(law.predictors)})"
        )
    return x, y, w, problems


def _starts(law: Law, x: Array, y: Array, weights: Array) -> Array:
    """(s, q, B), or (s, q, 1) where all data sets share x and y."""
    data = max(x.shape[2], y.shape[1])
    used = np.asarray(weights > 0)
    if data == 1:
        used = used.any(axis=1, keepdims=True)
    each = []
    for j in range(data):
        rows = used[:, min(j, used.shape[1] - 1)]
        own = x[:, rows, min(j, x.shape[2] - 1)], y[rows, min(j, y.shape[1] - 1)]
        each.append(law.starts(*own) if rows.any() else np.full((1, len(law.names)), np.nan))
    most = max(len(start) for start in each)
    padded = [np.pad(start, ((0, most - len(start)), (0, 0)), mode="edge") for start in each]
    return np.stack(padded, axis=-1)


def _bounds(law: Law, x: Array, y: Array, weights: Array) -> tuple[Array, Array]:
    """Bounds of u, (q, 1); those in the units of the data hold for all data sets together."""
    low = np.array([parameter.low for parameter in law.parameters])
    high = np.array([parameter.high for parameter in law.parameters])
    used = np.broadcast_to(weights > 0, (x.shape[1], max(x.shape[2], y.shape[1], weights.shape[1])))
    if law.limits is not None and used.any():
        every = np.stack([np.broadcast_to(row, used.shape)[used] for row in x])
        least, most = law.limits(every, np.broadcast_to(y, used.shape)[used])
        low, high = np.maximum(low, least), np.minimum(high, most)
    logs = np.array([parameter.log for parameter in law.parameters])
    with np.errstate(divide="ignore"):
        low = np.where(logs, np.log(np.where(logs, np.maximum(low, 0), 1)), low)
        high = np.where(logs, np.log(np.where(logs, high, 1)), high)
    return low[:, None], high[:, None]


def _best(
    objective: Objective, found: Minima, count: int, hopeless: NDArray[np.bool_], fixed: tuple[str, ...]
) -> Estimates:
    """The best of ``count`` starts of each data set, and all that is to be said of it."""
    law = objective.law
    problems = found.cost.size // count
    u = found.u.reshape(-1, count, problems)
    cost, converged = found.cost.reshape(count, problems), found.converged.reshape(count, problems)
    every = np.arange(problems)
    exact = (EXACT * objective.scale(every)) ** 2
    least = cost.min(axis=0)
    same = cost <= least * (1 + SAME_OPTIMUM) + exact
    # Of the starts that ended at the best optimum, one that converged; the best of all where none has.
    candidates = np.where((same & converged).any(axis=0), same & converged, True)
    best = np.where(candidates, cost, np.inf).argmin(axis=0)
    u, cost, settled = u[:, best, every], cost[best, every], converged[best, every]

    width = objective.high - objective.low
    margin = AT_BOUND * np.where(np.isfinite(width), width, 0.0)
    free = objective.free[:, None]
    at_bound = ((u - objective.low <= margin) | (objective.high - u <= margin)) & free
    n = np.broadcast_to((objective.weights > 0).sum(axis=0), (problems,))
    df = n - int(objective.free.sum())
    variance, determined = covariance(objective, u, df)
    theta = objective.theta(u)
    logs = np.array([parameter.log for parameter in law.parameters])[:, None]
    trusted = np.isfinite(cost) & settled & determined & (df > 0) & ~at_bound.any(axis=0)
    with np.errstate(invalid="ignore"):
        stderr = np.sqrt(variance) * np.where(logs, theta, 1.0)
    stderr = np.where(trusted & free, stderr, np.where(free, np.nan, 0.0))
    lost = ~np.isfinite(cost) | hopeless | (n == 0)
    result = Estimates(
        law=law,
        fixed=fixed,
        theta=np.where(lost, np.nan, theta),
        stderr=np.where(lost, np.nan, stderr),
        objective=np.where(lost, np.nan, cost),
        converged=settled & ~lost,
        at_bound=at_bound & ~lost,
        starts=count,
        agreeing=np.where(lost, 0, (same & converged).sum(axis=0)),
        n=n,
        df=df,
        status=[],
    )
    return replace(result, status=_status(result, determined, hopeless))


def _status(found: Estimates, determined: NDArray[np.bool_], hopeless: NDArray[np.bool_]) -> list[str]:
    return [_why(found, j, bool(determined[j]), bool(hopeless[j])) for j in range(len(found.n))]


def _why(found: Estimates, j: int, determined: bool, hopeless: bool) -> str:
    if hopeless:
        return "a value is not positive: it has no logarithm"
    if found.n[j] == 0:
        return "no points"
    if np.isnan(found.objective[j]):
        return "the law has no value at any starting point"
    if not found.converged[j]:
        return "not converged: the gradient does not vanish"
    if found.at_bound[:, j].any():
        return f"on a bound: {_listed(found.names, found.at_bound[:, j])}"
    if not determined:
        return "the data do not fix all parameters"
    return "ok" if found.df[j] > 0 else "too few points for an interval"


def _listed(names: Sequence[str], chosen: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, is_so in zip(names, chosen, strict=True) if is_so)
