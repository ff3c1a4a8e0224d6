"""Every candidate's forecast from one state of knowledge."""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts import additive_laws as sums
from relscale.fitting.forecasts import loss_to_loss, trend
from relscale.fitting.forecasts.forecast_data import ForecastData
from relscale.fitting.forecasts.persistence import persistence
from relscale.fitting.forecasts.rolling_origins import Mask
from relscale.fitting.forecasts.scales import Scales

PERSISTENCE, POWER_LAW, SURFACE = "persistence", "power law", "L(N, D)"

OF_THE_VALUE = {PERSISTENCE: persistence, "damped trend": trend.damped_trend, POWER_LAW: trend.power_law}
OF_ERRORS = {
    "power law with floor": sums.irreducible,
    SURFACE: sums.surface,
    "BNSL": sums.broken,
}
OF_LOSS = {
    "loss to loss, linear": loss_to_loss.linear,
    "loss to loss, shifted power": loss_to_loss.shifted_power,
}
LACKING = {
    PERSISTENCE: "no value",
    "damped trend": "fewer than three computes",
    POWER_LAW: "fewer than three computes",
    "power law with floor": "fewer than four computes",
    SURFACE: "parameters and tokens unknown, too few, or tied to each other by the compute",
    "BNSL": "fewer than twelve computes",
    "loss to loss, linear": "fewer than three points, or no other group to relate it to",
    "loss to loss, shifted power": "fewer than five points, or no other group to relate it to",
}  # why a candidate can say nothing
OWN = (*OF_THE_VALUE, *OF_ERRORS)
CANDIDATES = (*OWN, *OF_LOSS)
ENSEMBLE = "ensemble"


def own_forecasts(data: ForecastData, known: Mask, at: Scales) -> tuple[Floats, Floats]:
    """What each series says of itself: of the curves (C, Q, J) and of the error series (C, Q, K), C as ``OWN``."""
    where = data.scales.take(known)
    values, errors = [], []
    for law in OF_THE_VALUE.values():
        values.append(law(where, data.value[known], at))
        errors.append(law(where, data.errors[known], at))
    for name, of_errors in OF_ERRORS.items():
        if name == SURFACE:
            rows = known[data.point_of_run]
            found = of_errors(data.runs.take(rows), data.run_errors[rows], at)
        else:
            found = of_errors(where, data.errors[known], at)
        errors.append(found)
        values.append(_of_curves(found, data))
    return np.stack(values), np.stack(errors)


def loss_forecasts(data: ForecastData, known: Mask, partner: Floats) -> Floats:
    """(C, Q, J) from forecasts of every error series, ``partner`` (Q, K); C as ``OF_LOSS``."""
    has = data.partner >= 0
    blank = np.full((len(partner), len(data.target)), np.nan)
    result = []
    for law in OF_LOSS.values():
        found = blank.copy()
        t, p = data.target[has], data.partner[has]
        forecast = law(data.errors[known][:, t], data.errors[known][:, p], partner[:, p])
        found[:, has] = forecast if data.baseline is None else forecast - partner[:, p]
        result.append(found)
    return np.stack(result)


def _of_curves(errors: Floats, data: ForecastData) -> Floats:
    target = errors[:, data.target]
    return target if data.baseline is None else target - errors[:, data.baseline]
