"""Forecasts from every rolling origin, and from all data by the same steps, so that the former test the latter.

At each origin, in ascending order: every candidate is fitted to the known points; the weights are estimated from the
earlier forecasts whose outcomes are known, and the width from the errors of an ensemble with these weights on them.
Nothing at an origin depends on a number beyond it.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.absurd import absurd
from relscale.fitting.forecasts.candidates import (
    CANDIDATES,
    EVERY,
    POWER_LAW,
    SERIES_CANDIDATES,
    loss_forecasts,
    series_forecasts,
)
from relscale.fitting.forecasts.ensemble_settings import DEFAULT, EnsembleSettings
from relscale.fitting.forecasts.forecast_data import ForecastData, Indices
from relscale.fitting.forecasts.rolling_origins import Mask, Origins, rolling_origins
from relscale.fitting.forecasts.scales import Scales
from relscale.fitting.forecasts.shape_evidence import shape_evidence
from relscale.fitting.forecasts.track_record import TrackRecord
from relscale.fitting.forecasts.weights import combine, ensemble_errors, median, weights
from relscale.fitting.forecasts.width import half_widths

OF_RUNS = np.array([candidate.of_runs for candidate in EVERY])
OF_COMPUTE = np.array([not candidate.of_shape for candidate in EVERY])
TIE = 1e-6
MOST_EVIDENCE = 60.0  # beyond which a weight is below 1e-13


@dataclass(frozen=True)
class OriginForecast:
    """Forecasts of ln y at Q scales from the same known points; C candidates, J curves.

    Attributes
    ----------
    candidates, weight
        (C, Q, J); nan and 0 if a candidate has no forecast, or an absurd one.
    refused
        (C, Q, J) whether a candidate's forecast was absurd.
    series
        (C', Q, K) the forecast of each error series from its own past.
    ensemble, half
        (Q, J) the forecast and the half-width of its interval, nan if there is none.
    df
        (Q, J) degrees of freedom of the interval.
    origins
        (J,) number of origins behind the interval.
    distance
        (Q, J) ln F over the largest known of the curve.
    scatter
        (J,) the variance of a curve's points around its best law, or that of its readings if larger.
    evidence
        (J,) for an effect of D/N on the errors of a curve's pool; nan if D/N does not differ at equal compute, and
        for ratios, from which most of the effect cancels.
    """

    candidates: Floats
    refused: Mask
    series: Floats
    distance: Floats
    scatter: Floats
    evidence: Floats
    weight: Floats
    ensemble: Floats
    half: Floats
    df: Floats
    origins: Floats


@dataclass(frozen=True)
class Backtest:
    """All rolling origins of the data.

    Attributes
    ----------
    candidates
        For each origin, the candidates' forecasts of the points ``origins.targets``, without an ensemble.
    """

    data: ForecastData
    level: float
    settings: EnsembleSettings
    origins: Origins
    candidates: list[OriginForecast]
    record: TrackRecord

    @cached_property
    def origin_forecasts(self) -> list[OriginForecast]:
        """For each origin, the forecasts of the points ``origins.targets``.

        Only the table of backtests needs the ensembles of the past: a new forecast has its weights and its width from
        the candidates' errors.
        """
        return [
            with_ensemble(
                self.data, found, self.record.known_by(self.origins, known), self.level, self.settings
            )
            for found, known in zip(self.candidates, self.origins.known, strict=True)
        ]


def backtest(data: ForecastData, level: float, settings: EnsembleSettings = DEFAULT) -> Backtest:
    """Forecast from every rolling origin."""
    origins = rolling_origins(data.scales, data.usable)
    at = data.scales.take(origins.targets)
    observed, observed_errors = data.value[origins.targets], data.errors[origins.targets]
    count, n_targets, curves, series = len(origins.by), len(at), data.value.shape[1], data.errors.shape[1]
    record = TrackRecord(
        by=tuple(origins.by),
        origin=origins.log_flops,
        distance=np.array(
            [
                distances(data.scales.log_flops[known], data.value[known], at.log_flops)
                for known in origins.known
            ]
        ).reshape(count, n_targets, curves),
        candidates=np.full((count, len(CANDIDATES), n_targets, curves), np.nan),
        series=np.full((count, len(SERIES_CANDIDATES), n_targets, series), np.nan),
        evidence=np.full((count, curves), np.nan),
    )
    candidates = []
    for o, known in enumerate(origins.known):
        forecasts = _candidates_from(data, known, at, record.known_by(origins, known), settings)
        record.candidates[o] = forecasts.candidates - observed
        record.series[o] = forecasts.series - observed_errors
        record.evidence[o] = forecasts.evidence
        candidates.append(forecasts)
    return Backtest(data, level, settings, origins, candidates, record)


def forecast_from(
    data: ForecastData,
    known: Mask,
    at: Scales,
    record: TrackRecord,
    level: float,
    settings: EnsembleSettings = DEFAULT,
) -> OriginForecast:
    """Forecast at the scales ``at`` from the points ``known`` (P,) and the past forecasts with known outcomes."""
    return with_ensemble(data, _candidates_from(data, known, at, record, settings), record, level, settings)


def _candidates_from(
    data: ForecastData, known: Mask, at: Scales, record: TrackRecord, settings: EnsembleSettings
) -> OriginForecast:
    """The forecasts of all candidates, without an ensemble."""
    values, series, around_law = series_forecasts(data, known, at)
    scatter = np.maximum(around_law, variance_of_readings(data.reading[known]))
    scales = data.scales.take(known)
    of_series = np.full(series.shape[2], np.nan)
    if data.baseline is None and scales.shapes_differ:
        of_series = shape_evidence(scales, data.errors[known])
    shape_matters = settings.shape_evidence & (of_series > 0)
    candidates = np.concatenate([values, loss_forecasts(data, known, _best(series, record, shape_matters))])
    refused = absurd(candidates, scales.log_flops, data.value[known], at.log_flops)
    candidates = np.where(refused, np.nan, candidates)
    blank = np.full((len(at), data.value.shape[1]), np.nan)
    return OriginForecast(
        candidates=candidates,
        refused=refused,
        series=series,
        distance=distances(scales.log_flops, data.value[known], at.log_flops),
        scatter=scatter,
        evidence=_by_pool(of_series[data.target], data.pool),
        weight=np.zeros(candidates.shape),
        ensemble=blank,
        half=blank,
        df=blank,
        origins=np.zeros(data.value.shape[1]),
    )


def distances(log_flops: Floats, value: Floats, at: Floats) -> Floats:
    """(Q, J) of each ``at`` (Q,) from the largest ln F (P,) where a curve (P, J) has a value, or from that of all."""
    own = np.where(np.isfinite(value), log_flops[:, None], -np.inf).max(axis=0)
    return np.asarray(at[:, None] - np.where(np.isfinite(own), own, log_flops.max()))


def variance_of_readings(reading: Floats) -> Floats:
    """(J,) the median over points (P, J); 0 if unknown."""
    known = median(np.where(np.isfinite(reading), reading, np.nan)[None])[0, 0]
    return np.where(np.isnan(known), 0.0, known)


def with_ensemble(
    data: ForecastData, result: OriginForecast, record: TrackRecord, level: float, settings: EnsembleSettings
) -> OriginForecast:
    """The ensemble of the candidates of ``result`` and its width, by the ``record`` known at the time."""
    ensemble, half, df = (np.full(result.ensemble.shape, np.nan) for _ in range(3))
    weight, origins = np.zeros(result.weight.shape), np.zeros(result.origins.shape)
    for kind in np.unique(data.pool):
        curves = np.flatnonzero(data.pool == kind)
        first = curves[0]
        distance = result.distance[:, curves]
        of_pool = weights(record, curves, distance, prior(result.evidence[first], settings), settings)
        ensemble[:, curves], weight[..., curves] = combine(
            of_pool, result.candidates[..., curves], settings.trim
        )
        priors = np.array([prior(evidence, settings) for evidence in record.evidence[:, first]])
        priors = priors.reshape(-1, len(CANDIDATES))  # also without an origin
        error = ensemble_errors(record, curves, priors, settings)
        least = result.scatter[curves] if settings.scatter else np.zeros(len(curves))
        half[:, curves], df[:, curves], origins[curves] = half_widths(
            record, curves, error, distance, level, settings, least
        )
    return replace(result, weight=weight, ensemble=ensemble, half=half, df=df, origins=origins)


def prior(evidence: float, settings: EnsembleSettings) -> Floats:
    """(C,) weights without past forecasts, by the ``evidence`` for an effect of D/N (nan: it cannot be estimated)."""
    result = np.ones(len(CANDIDATES))
    if not np.isnan(evidence):
        result[OF_RUNS] = settings.surface
        if settings.shape_evidence:
            result[OF_COMPUTE] = np.exp(-np.clip(evidence, 0, MOST_EVIDENCE) / 2)
    return result


def _by_pool(value: Floats, pool: Indices) -> Floats:
    """(J,) the median over the pool of each curve."""
    return np.array([np.median(value[pool == kind]) for kind in pool])


def _best(series: Floats, record: TrackRecord, shape_matters: Mask) -> Floats:
    """(Q, K) for each series, the forecast of the law with the smallest past errors; a power law without past errors.

    If the shape matters (K,), only laws of N and D are considered, if one has past errors.
    """
    known = np.isfinite(record.series)
    count = known.sum(axis=(0, 2))
    square = np.where(known, record.series, 0.0) ** 2
    mean = np.where(count > 0, square.sum(axis=(0, 2)) / np.maximum(count, 1), np.inf)
    mean = np.where(np.isfinite(series).all(axis=1), mean, np.inf)
    of_shape = np.where(OF_COMPUTE[: len(series), None] & shape_matters, np.inf, mean)
    mean = np.where(np.isfinite(of_shape).any(axis=0), of_shape, mean)
    near = mean <= mean.min(axis=0) * (1 + TIE)  # rounding must not choose between identical laws
    best = np.where(
        np.isfinite(mean).any(axis=0), np.argmax(near, axis=0), SERIES_CANDIDATES.index(POWER_LAW)
    )
    return series[best, :, np.arange(series.shape[2])].T
