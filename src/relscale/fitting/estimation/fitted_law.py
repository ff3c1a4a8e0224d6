"""A fitted law, and the intervals of its predictions.

Predictions have the Jacobian's t interval, which has nominal coverage where that of percentile intervals is too low
(``docs/explanation/coverage.md``); one whose predictor is from another fit has draws, which include those of the other.
"""

from dataclasses import dataclass

import numpy as np

from relscale.confidence import t_quantile
from relscale.fitting.estimation.beyond_data import ModelError
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.law_draws import Draws
from relscale.fitting.estimation.law_points import Points
from relscale.laws.law import Array, Law


@dataclass(frozen=True)
class Fitted:
    """A fitted law, with what its intervals and predictions need.

    Attributes
    ----------
    by_t
        Whether intervals are t intervals rather than percentiles of the draws.
    reference
        The compute by which the law's predictor is divided, or nan.
    noise
        Residual variance of a new point: of the value, or of its logarithm if
        ``log_residual``; nan for Huber's loss.
    columns
        Columns of the measurements that are the predictors.
    data, error
        The fitted points, and the model error from rolling origins; None if nothing is predicted.
    """

    law: Law
    estimates: Estimates
    drawn: Draws | None
    by_t: bool
    reference: float
    noise: float
    log_residual: bool
    columns: tuple[str, ...] = ()
    data: Points | None = None
    error: ModelError | None = None

    def x(self, raw: Array) -> Array:
        """Predictors of the law from those of the table; nan for compute that is not positive."""
        return np.where(raw > 0, raw, np.nan) / self.reference if np.isfinite(self.reference) else raw

    def interval(self, x: Array, level: float) -> tuple[float, float]:
        """t limits of a new point at x (p,): ``± t·√(gᵀ C g + noise)``, with g the derivatives at x."""
        value, variance = with_variance(self.law, self.estimates, x[:, None], self.log_residual)
        half = float(t_quantile(self.estimates.df[0], level) * np.sqrt(variance[0] + self.noise))
        low, high = value[0] - half, value[0] + half
        return (float(np.exp(low)), float(np.exp(high))) if self.log_residual else (float(low), float(high))

    def wider(
        self, value: float, limits: tuple[float, float], distance: float, level: float
    ) -> tuple[float, float]:
        """Limits widened by the model error at this distance, added in quadrature."""
        half = self.error.half_width(distance, level) if self.error else 0.0
        if not half or not np.isfinite(limits).all() or (self.log_residual and not limits[0] > 0):
            return limits
        centre, low, high = np.log([value, *limits]) if self.log_residual else np.array([value, *limits])
        low, high = centre - np.hypot(centre - low, half), centre + np.hypot(high - centre, half)
        return (float(np.exp(low)), float(np.exp(high))) if self.log_residual else (float(low), float(high))


def with_variance(law: Law, estimates: Estimates, x: Array, log_residual: bool) -> tuple[Array, Array]:
    """The law at x (p, n) and the variance of its estimate, ``gᵀ C g``, in the scale of the residuals."""
    theta = estimates.theta[:, 0]
    value, gradient = law.value(theta, x), law.jacobian(theta, x)
    if log_residual:
        value, gradient = np.log(value), gradient / value
    return value, np.einsum("in,ij,jn->n", gradient, estimates.covariance[..., 0], gradient)


def residual_variance(estimates: Estimates, weights: Array) -> float:
    """The residual variance of a new point of median weight."""
    return float(2 * estimates.objective[0] / estimates.df[0] / np.median(weights))
