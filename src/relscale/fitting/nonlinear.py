"""Least squares for laws without a closed form: many starts, convergence reported and never hidden."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from scipy.special import stdtrit

from relscale.fitting.ladder import Floats

SAME_OPTIMUM = 1e-6  # relative difference of two sums of squares that are taken for one
EXACT = 1e-24  # sums of squares below this are all zero
EVALUATIONS = 100  # from one start
AT_BOUND = 1e-6  # share of a bounded parameter's range


@dataclass(frozen=True)
class Solution:
    """The best of all starts; q parameters.

    Attributes
    ----------
    values, stderr, low, high
        (q,); from the Jacobian at the optimum, with a t interval. nan where the optimum does not fix a parameter.
    df
        Points less parameters.
    starts, agreeing
        Starting points tried, and how many of them converged to the best sum of squares.
    status
        "ok", or why the numbers must not be trusted.
    """

    values: Floats
    stderr: Floats
    low: Floats
    high: Floats
    df: int
    starts: int
    agreeing: int
    status: str


def least_squares(
    residuals: Callable[[Floats], Floats],
    jacobian: Callable[[Floats], Floats],
    names: Sequence[str],
    starts: Sequence[Sequence[float]],
    bounds: tuple[Sequence[float], Sequence[float]],
    level: float,
) -> Solution:
    """Minimise the sum of squared ``residuals`` of the parameters ``names`` from every start.

    Parameters
    ----------
    residuals, jacobian
        From parameters (q,) to residuals (n,) and to their derivatives (n, q).
    bounds
        Lower and upper, each (q,).
    level
        Of the intervals, 0.95 for instance.
    """
    found = [
        scipy.optimize.least_squares(
            residuals, start, jacobian, bounds=bounds, x_scale="jac", max_nfev=EVALUATIONS
        )
        for start in starts
    ]
    best = min(found, key=lambda solution: solution.cost)
    agreeing = sum(
        bool(solution.success and solution.cost <= best.cost * (1 + SAME_OPTIMUM) + EXACT)
        for solution in found
    )
    df = len(best.fun) - len(best.x)
    low, high = np.asarray(bounds[0]), np.asarray(bounds[1])
    margin = AT_BOUND * np.where(np.isfinite(high - low), high - low, 1.0)
    stuck = [
        name for name, on in zip(names, (best.x - low < margin) | (high - best.x < margin), strict=True) if on
    ]
    free = np.linalg.matrix_rank(best.jac) == len(best.x)
    if df > 0 and free and not stuck:
        covariance = np.linalg.inv(best.jac.T @ best.jac) * (2 * best.cost / df)
        stderr = np.sqrt(np.diag(covariance))
    else:
        stderr = np.full(len(best.x), np.nan)
    half = stdtrit(df, (1 + level) / 2) * stderr if df > 0 else stderr
    if not best.success:
        status = f"not converged: {best.message}"
    elif stuck:
        status = f"on a bound: {', '.join(stuck)}"
    elif not free:
        status = "the data do not fix all parameters"
    elif df < 1:
        status = "too few points for an interval"
    else:
        status = "ok"
    return Solution(best.x, stderr, best.x - half, best.x + half, df, len(starts), agreeing, status)
