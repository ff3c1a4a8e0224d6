"""The candidates of a forecast, each with its law of the catalogue, and the forecasts of all of them at one origin."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts import additive_laws, loss_to_loss, trend
from relscale.fitting.forecasts.error_forecasts import AlongScales, ErrorForecasts
from relscale.fitting.forecasts.forecast_data import ForecastData
from relscale.fitting.forecasts.item_response import AnsweredRuns, item_response
from relscale.fitting.forecasts.persistence import persistence
from relscale.fitting.forecasts.rolling_origins import Mask
from relscale.fitting.forecasts.scales import Scales

FromAnswers = Callable[[AnsweredRuns, Mask, Scales, int, ErrorForecasts], Floats]
FromPartner = Callable[[Floats, Floats, Floats], Floats]
FromCommon = Callable[[Floats, Floats, Floats, Floats], Floats]
F = TypeVar("F")


@dataclass(frozen=True)
class Candidate(Generic[F]):
    """One way to forecast a curve.

    Attributes
    ----------
    forecast
        The function from known scales, their values (P, J) and the target scales to the forecast (Q, J); for a
        loss-to-loss candidate, from ln E_t and ln E_b (P, J) and a forecast of ln E_b (Q, J). All in logarithms, nan
        without a forecast. That of single answers is from the runs, the known points, the
        number of series and the forecasts that are computed already.
    needs
        The reason if it has no forecast.
    law
        Its law in the catalogue, if there is one.
    of_runs
        Whether it is fitted to runs if the points are optima between runs.
    of_shape
        Whether it uses N and D, or another curve of the same models, and not compute alone.
    """

    name: str
    forecast: F
    needs: str
    law: str | None = None
    of_runs: bool = False
    of_shape: bool = False


SHAPES = "parameters and tokens are unknown, too few, or determined by compute"
# Forecasts of a value itself, an error or a ratio; persistence is the reference.
OF_VALUES: tuple[Candidate[AlongScales], ...] = (
    Candidate("persistence", persistence, "no value"),
    Candidate("damped trend", trend.damped_trend, "fewer than three computes"),
    Candidate("power law", trend.power_law, "fewer than three computes", law="power"),
    Candidate("theta", trend.theta, "fewer than three computes"),
    Candidate("line, last 2", partial(trend.last_line, 2), "fewer than two computes"),
    Candidate("line, last 3", partial(trend.last_line, 3), "fewer than three computes"),
    Candidate("plane", trend.plane, SHAPES, of_shape=True),
)
# Forecasts of an error; a ratio is forecast from its two errors.
OF_ERRORS: tuple[Candidate[AlongScales], ...] = (
    Candidate(
        "power law with floor", additive_laws.irreducible, "fewer than four computes", law="irreducible"
    ),
    Candidate("recent floor", additive_laws.recent_floor, "fewer than four computes", law="irreducible"),
    Candidate("L(N, D)", additive_laws.surface, SHAPES, law="parametric", of_runs=True, of_shape=True),
    Candidate(
        "recent L(N, D)",
        partial(additive_laws.surface, recent=True),
        SHAPES,
        law="parametric",
        of_runs=True,
        of_shape=True,
    ),
    Candidate(
        "anchored L(N, D)",
        partial(additive_laws.surface, anchored=True),
        SHAPES,
        law="parametric",
        of_runs=True,
        of_shape=True,
    ),
    Candidate("M3", additive_laws.shifted, "fewer than five computes"),
    Candidate("M4", additive_laws.saturated, "fewer than five computes"),
    Candidate("BNSL", additive_laws.broken, "fewer than five computes", law="bnsl"),
)
# Forecasts of an error rate from the answers to single questions.
OF_ANSWERS: tuple[Candidate[FromAnswers], ...] = (
    Candidate(
        "item response",
        item_response,
        "needs per-item results: the responses to single questions of at least four runs at three computes, or of "
        "eight runs if D/N differs among runs of equal compute",
        of_shape=True,
    ),
)
# Forecasts of an error from a forecast of another error.
OF_LOSSES: tuple[Candidate[FromPartner], ...] = (
    Candidate(
        "loss to loss, linear",
        loss_to_loss.linear,
        "fewer than three points, or no other group as predictor",
        law="flp",
        of_shape=True,
    ),
    Candidate(
        "loss to loss, shifted power",
        loss_to_loss.shifted_power,
        "fewer than five points, or no other group as predictor",
        of_shape=True,
    ),
)
COMMON: Candidate[FromCommon] = Candidate(
    "common factor",
    loss_to_loss.common_factor,
    "fewer than four points, or no other group as predictor",
    of_shape=True,
)

EVERY: tuple[Candidate[Any], ...] = (*OF_VALUES, *OF_ERRORS, *OF_ANSWERS, *OF_LOSSES, COMMON)
SERIES_CANDIDATES = tuple(
    candidate.name for candidate in EVERY[: len(OF_VALUES) + len(OF_ERRORS) + len(OF_ANSWERS)]
)
CANDIDATES = tuple(candidate.name for candidate in EVERY)
PARAMETERS = {
    "power law": 2,
    "power law with floor": 3,
    "recent floor": 3,
    "L(N, D)": 5,
    "recent L(N, D)": 5,
    "M3": 4,
    "M4": 5,
    "BNSL": 6,
}  # of laws that have residuals
PERSISTENCE, POWER_LAW, ENSEMBLE = "persistence", "power law", "ensemble"
LACKING = {candidate.name: candidate.needs for candidate in EVERY}


def series_forecasts(data: ForecastData, known: Mask, at: Scales) -> tuple[Floats, Floats, Floats]:
    """Forecasts of each series from its own past: the curves (C, Q, J) and the error series (C, Q, K).

    C are ``SERIES_CANDIDATES``.

    Also returns the variance (J,) of each curve's known points around the closest law, per degree of freedom; 0 without
    a law.
    """
    scales = data.scales.take(known)
    n_targets = len(at)
    both = scales.after(at)
    values, errors = [], []
    for candidate in OF_VALUES:
        values.append(candidate.forecast(scales, data.value[known], both))
        errors.append(candidate.forecast(scales, data.errors[known], at))
    for of_errors in OF_ERRORS:
        if of_errors.of_runs:
            rows = known[data.point_of_run]
            fitted = data.runs.take(rows), data.run_errors[rows]
        else:
            fitted = scales, data.errors[known]
        forecast = data.error_forecasts.of(of_errors.name, of_errors.forecast, *fitted, both)
        errors.append(forecast[:n_targets])
        values.append(_of_curves(forecast, data))
    for of_answers in OF_ANSWERS:
        forecast = np.full((len(both), data.errors.shape[1]), np.nan)
        if data.answered is not None:
            forecast[:n_targets] = of_answers.forecast(
                data.answered, known, at, forecast.shape[1], data.error_forecasts
            )
        errors.append(forecast[:n_targets])
        values.append(_of_curves(forecast, data))
    all_values = np.stack(values)
    return (
        all_values[:, :n_targets],
        np.stack(errors),
        _scatter(all_values[:, n_targets:] - data.value[known]),
    )


def _scatter(residual: Floats) -> Floats:
    """(J,) the smallest variance around a law, from residuals (C, P, J)."""
    used = np.isfinite(residual)
    free = used.sum(axis=1) - np.array([PARAMETERS.get(name, 0) for name in SERIES_CANDIDATES])[:, None]
    square = np.where(used, residual, 0.0) ** 2
    is_law = np.array([name in PARAMETERS for name in SERIES_CANDIDATES])[:, None] & (free > 0)
    variance = np.where(is_law, square.sum(axis=1) / np.maximum(free, 1), np.inf).min(axis=0)
    return np.where(np.isfinite(variance), variance, 0.0)


def loss_forecasts(data: ForecastData, known: Mask, partner: Floats) -> Floats:
    """(C, Q, J) from forecasts of every error series, ``partner`` (Q, K); C as ``OF_LOSSES`` and ``COMMON``."""
    has = data.partner >= 0
    blank = np.full((len(partner), len(data.target)), np.nan)
    result = []
    for candidate in OF_LOSSES:
        of_curves = blank.copy()
        t, p = data.target[has], data.partner[has]
        forecast = candidate.forecast(data.errors[known][:, t], data.errors[known][:, p], partner[:, p])
        of_curves[:, has] = forecast if data.baseline is None else forecast - partner[:, p]
        result.append(of_curves)
    of_curves, has = blank.copy(), data.common >= 0
    s = data.common[has]
    of_curves[:, has] = COMMON.forecast(
        data.value[known][:, has], data.errors[known][:, s], partner[:, s], data.scales.log_flops[known]
    )
    return np.stack([*result, of_curves])


def _of_curves(errors: Floats, data: ForecastData) -> Floats:
    target = errors[:, data.target]
    return target if data.baseline is None else target - errors[:, data.baseline]
