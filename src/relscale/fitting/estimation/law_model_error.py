"""The model error of a law's predictions: its errors at rolling origins, which forecast larger models from smaller."""

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.estimation.beyond_data import ModelError, model_error
from relscale.fitting.estimation.fitted_law import residual_variance, with_variance
from relscale.fitting.estimation.law_points import MEASURED, Points
from relscale.fitting.estimation.law_problem import STARTS, Problem, estimator_of
from relscale.laws.law import Array


def law_model_error(problem: Problem) -> ModelError | None:
    """The law's model error from rolling origins; None for laws of a measured predictor or of a whole training
    curve."""
    law, x, data, weights = problem.law, problem.x, problem.data, problem.weights
    sizes = log_size(data)
    if law.source_columns or MEASURED in law.predictors or sizes is None or not problem.least_squares:
        return None
    log_residual = problem.log_residual

    def predict(known: NDArray[np.bool_]) -> tuple[Array, Array] | None:
        if known.sum() < len(law.names) + 2:
            return None
        some = x[:, known]
        starts = law.starting_points(some, data.y[known])[:STARTS]
        estimates = estimator_of(law, some, problem.entry)(data.y[known], weights[known], starts)
        if not np.isfinite(estimates.theta).all() or not estimates.df[0] > 0:
            return None
        with np.errstate(all="ignore"):
            value, variance = with_variance(law, estimates, x, log_residual)
        return value, variance + residual_variance(estimates, weights)

    return model_error(sizes, np.log(data.y) if log_residual else data.y, predict)


def log_size(data: Points) -> Array | None:
    """ln (n,) of the training compute, or of parameters × tokens; None unless known for every measurement.

    −∞ for anchors, which are known at every origin.
    """
    size = np.array([row.size for row in data.rows[: data.measured]])
    if not len(size) or not (size > 0).all():
        return None
    return np.append(np.log(size), np.full(data.anchors, -np.inf))
