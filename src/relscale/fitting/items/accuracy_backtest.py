"""Backtests of accuracy along compute: forecasts of larger models from smaller ones, by single answers and by means.

    item response        the latent regression of single answers
    sigmoid of the mean  A(C) = c + (1 − c) / (1 + exp(−(α + β · ln C))), by maximum likelihood

Models' means say all that their answers to the same items say about abilities; what the single answers add is how
different the items are, on which the shape of the curve depends.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from relscale.fitting.items.latent_regression import FEWEST, latent_regression
from relscale.fitting.items.log_scale import LogScale
from relscale.laws.law import Array

Forecast = Callable[[Array, Array, Array, float], Array]
RIDGE = 1e-4  # precision of α and β in standardised ln compute


def item_response(answers: Array, compute: Array, at: Array, chance: float = 0.0) -> Array:
    """Accuracy at computes (m,) from answers (n, k) of models with compute (n,)."""
    fit = latent_regression(answers, compute, chance)
    return np.array([fit.forecast(float(each))[0] for each in at])


def sigmoid_of_mean(answers: Array, compute: Array, at: Array, chance: float = 0.0) -> Array:
    """Accuracy at computes (m,) from the mean answer of each model.

    Examples
    --------
    >>> compute = np.exp(np.arange(4.0))
    >>> share = 1 / (1 + np.exp(-np.arange(4.0)))
    >>> np.round(sigmoid_of_mean(np.repeat(share[:, None], 2, axis=1), compute, np.exp(np.array([0.0, 4.0]))), 3)
    array([0.5  , 0.982])
    """
    from scipy.optimize import minimize
    from scipy.special import expit, log_expit

    scale = LogScale.of(compute)
    x = scale.at(compute)
    asked, right = np.isfinite(answers).sum(axis=1), np.nansum(answers, axis=1)

    def loss(line: Array) -> float:
        log_odds = line[0] + line[1] * x
        log_right = np.log(chance + (1 - chance) * expit(log_odds)) if chance else log_expit(log_odds)
        log_wrong = np.log1p(-chance) + log_expit(-log_odds)
        return float(-(right @ log_right + (asked - right) @ log_wrong) + RIDGE / 2 * line @ line)

    line = minimize(loss, np.zeros(2), method="BFGS").x
    return np.asarray(chance + (1 - chance) * expit(line[0] + line[1] * scale.at(at)))


CANDIDATES: dict[str, Forecast] = {"item response": item_response, "sigmoid of the mean": sigmoid_of_mean}


@dataclass(frozen=True)
class Backtest:
    """Errors of forecasts.

    Attributes
    ----------
    mean_error
        Mean absolute error of the accuracy by the name of the candidate, NaN without a forecast.
    """

    forecasts: int
    mean_error: dict[str, float]


def backtest(
    answers: Array, compute: Array, chance: float = 0.0, candidates: dict[str, Forecast] = CANDIDATES
) -> Backtest:
    """Forecast all larger models from each set of smaller ones, of at least four with three computes."""
    measured = np.nanmean(answers, axis=1)
    errors: dict[str, list[float]] = {name: [] for name in candidates}
    for largest in np.unique(compute)[FEWEST - 2 : -1]:
        known = compute <= largest
        if known.sum() < FEWEST:
            continue
        for name, forecast in candidates.items():
            ahead = forecast(answers[known], compute[known], compute[~known], chance)
            errors[name] += list(np.abs(ahead - measured[~known]))
    count = len(next(iter(errors.values())))
    return Backtest(count, {name: float(np.mean(e)) if e else np.nan for name, e in errors.items()})
