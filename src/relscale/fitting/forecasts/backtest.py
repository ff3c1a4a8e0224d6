"""Forecasts from every rolling origin, and from all the data: the same steps, so that the ones judge the others.

At each origin, in the order of what they know: every candidate is fitted to what is known; the weights come from the
forecasts met so far; and the width from what an ensemble of these weights would have missed in those. Nothing at an
origin depends on a number beyond it.
"""

from dataclasses import dataclass

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.candidates import (
    CANDIDATES,
    OWN,
    PERSISTENCE,
    POWER_LAW,
    loss_forecasts,
    own_forecasts,
)
from relscale.fitting.forecasts.ensemble_settings import CHOSEN, Design
from relscale.fitting.forecasts.forecast_data import Panel
from relscale.fitting.forecasts.rolling_origins import Mask, Origins, rolling_origins
from relscale.fitting.forecasts.scales import Places
from relscale.fitting.forecasts.track_record import Past
from relscale.fitting.forecasts.weights import combine, rewound, weights
from relscale.fitting.forecasts.width import half_widths

UNPROVEN = np.array([float(name in (PERSISTENCE, POWER_LAW)) for name in CANDIDATES])


@dataclass(frozen=True)
class Foresight:
    """Forecasts of ln y at Q places from one state of knowledge; C candidates, J curves.

    Attributes
    ----------
    candidates, weight
        (C, Q, J); nan and 0 where a candidate can not say.
    series
        (C', Q, K) what each error series says of itself.
    ensemble, half
        (Q, J) the forecast and half the width of its interval, nan where there is none.
    df
        (Q, J) degrees of freedom of the interval.
    origins
        (J,) origins that it rests on.
    distance
        (Q,) ln F over the largest known.
    """

    candidates: Floats
    weight: Floats
    series: Floats
    ensemble: Floats
    half: Floats
    df: Floats
    origins: Floats
    distance: Floats


@dataclass(frozen=True)
class Backtest:
    """All origins of a panel: ``foresights[o]`` forecasts the points ``origins.asked``."""

    origins: Origins
    foresights: list[Foresight]
    past: Past


def backtest(data: Panel, level: float, design: Design = CHOSEN) -> Backtest:
    """Forecast from every rolling origin."""
    origins = rolling_origins(data.places, data.usable)
    at = data.places.take(origins.asked)
    observed, observed_errors = data.value[origins.asked], data.errors[origins.asked]
    count, asked, curves, series = len(origins.by), len(at), data.value.shape[1], data.errors.shape[1]
    past = Past(
        by=tuple(origins.by),
        origin=origins.log_flops,
        distance=at.log_flops - origins.log_flops[:, None],
        candidates=np.full((count, len(CANDIDATES), asked, curves), np.nan),
        series=np.full((count, len(OWN), asked, series), np.nan),
    )
    foresights = []
    for o in range(count):
        one = foresight(data, origins.known[o], at, past.met_by(origins, origins.known[o]), level, design)
        past.candidates[o] = one.candidates - observed
        past.series[o] = one.series - observed_errors
        foresights.append(one)
    return Backtest(origins, foresights, past)


def foresight(
    data: Panel, known: Mask, at: Places, past: Past, level: float, design: Design = CHOSEN
) -> Foresight:
    """Forecast the places ``at`` from the points ``known`` (P,) and the forecasts that they have met."""
    values, series = own_forecasts(data, known, at)
    candidates = np.concatenate([values, loss_forecasts(data, known, _best(series, past))])
    distance = at.log_flops - data.places.log_flops[known].max()
    shape = candidates.shape[1:]
    ensemble, half, df = (np.full(shape, np.nan) for _ in range(3))
    origins = np.zeros(shape[1])
    weight = np.zeros(candidates.shape)
    for kind in np.unique(data.pool):
        curves = np.flatnonzero(data.pool == kind)
        of_pool = weights(past, curves, distance, UNPROVEN, design)
        ensemble[:, curves], weight[..., curves] = combine(of_pool, candidates[..., curves])
        error = rewound(past, curves, UNPROVEN, design)
        half[:, curves], of_width, origins[curves] = half_widths(past, error, distance, level, design)
        df[:, curves] = of_width[:, None]
    return Foresight(candidates, weight, series, ensemble, half, df, origins, distance)


def _best(series: Floats, past: Past) -> Floats:
    """(Q, K) of each series the forecast of its own law that has missed least so far; a power law without a past."""
    known = np.isfinite(past.series)
    count = known.sum(axis=(0, 2))
    square = np.where(known, past.series, 0.0) ** 2
    mean = np.where(count > 0, square.sum(axis=(0, 2)) / np.maximum(count, 1), np.inf)
    mean = np.where(np.isfinite(series).all(axis=1), mean, np.inf)
    best = np.where(np.isfinite(mean).any(axis=0), np.argmin(mean, axis=0), OWN.index(POWER_LAW))
    return series[best, :, np.arange(series.shape[2])].T
