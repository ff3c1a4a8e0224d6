"""Ensemble: a trimmed mean of the candidates, weighted by their past errors at distances similar to the forecast's.

    ln w_c = ln p_c − q · n_c / (n_c + n_0) · r_c
    r_c = Σ_o k_o · ln(M_co / M_o) / Σ_o k_o,    k_o = exp(−(ln F_last − ln F_o) / ρ) / (1 + (d_o − d)² / h²)

p_c
    Prior weight of candidate c: 1. If errors are forecast from models whose D/N differs at equal compute, ``surface``
    for laws of N and D, and min(1, exp(−Δ/2)) for laws of compute alone, which then lack a predictor; Δ, the evidence
    for its effect, is the median over the pool's curves (``shape_evidence``).
M_co, M_o
    Mean squared log error of the candidate at origin o, and that of the candidates' median on the same forecasts.
k_o
    Weight of the origin: larger if its distance d_o = ln(F / F_max) is similar to the distance d of the forecast, and
    if its largest known compute F_o is near that of the last origin. All origins have the same total weight.
n_c, n_0
    Number of origins with a forecast of the candidate, and the number at which r_c has half of its effect. With few
    origins, weights stay near p_c; with many, they are inverse mean squared errors to the power q.

All curves of a pool (the groups of a suite) share their weights, because groups are too dependent and origins too few
to estimate separate ones.

The forecast is the mean of the middle half of the weight: a full mean is sensitive to a single extreme candidate, and a
median depends on only one or two of them.

Sources: Bates & Granger, *Operational Research Quarterly* 20 (1969), for weights from past errors; Smith & Wallis,
*Oxford Bulletin* 71 (2009), for shrinkage to equal weights, which are hard to beat.
"""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.ensemble_settings import EnsembleSettings
from relscale.fitting.forecasts.forecast_data import Indices
from relscale.fitting.forecasts.track_record import TrackRecord, recency

LEAST = 1e-12  # smallest squared log error, so that its logarithm is finite
MOST = 3.0  # of |r| at one origin


def weights(
    record: TrackRecord, curves: Indices, distance: Floats, prior: Floats, settings: EnsembleSettings
) -> Floats:
    """Weights (..., C) of all candidates for forecasts of the pool's ``curves`` (positions) at ``distance`` (...).

    ``prior`` (C,) are the weights without any past forecast of known outcome.
    """
    error = record.candidates[..., curves]
    known = np.isfinite(error)
    if not known.any():
        return np.broadcast_to(prior, (*distance.shape, len(prior))).copy()
    middle = np.broadcast_to(median(error), error.shape)
    distinct, place = np.unique(distance, return_inverse=True)
    past, end = np.unique(record.distance[..., curves], axis=2, return_inverse=True)
    end = end.ravel()
    recent = recency(record, np.asarray(known.any(axis=(1, 2, 3))), settings.recency)[:, None]
    of_candidate, of_median, votes = np.zeros((3, len(distinct), error.shape[1], len(error)))
    for e in range(past.shape[2]):  # curves that end together are as far from each point
        near = recent / (1 + ((distinct[:, None, None] - past[..., e]) / settings.near) ** 2)
        of_end = end == e
        share = known[..., of_end].sum(axis=3) / np.maximum(known.sum(axis=3), 1)
        for total, part in (
            (of_candidate, (np.where(known, error, 0.0)[..., of_end] ** 2).sum(axis=3)),
            (of_median, (np.where(known, middle, 0.0)[..., of_end] ** 2).sum(axis=3)),
            (votes, share),
        ):
            total += np.einsum("xoq,ocq->xco", near, part)
    ratio = np.clip(np.log((of_candidate + LEAST) / (of_median + LEAST)), -MOST, MOST)
    vote = votes / np.maximum(known.any(axis=(1, 3)).sum(axis=1), 1)
    origins = (votes > 0).sum(axis=2)
    skill = (vote * ratio).sum(axis=2) / np.maximum(vote.sum(axis=2), LEAST)
    weight = prior * np.exp(-settings.sharpness * origins / (origins + settings.skill_prior) * skill)
    return np.asarray(weight[place.reshape(distance.shape)])


def median(error: Floats) -> Floats:
    """(O, 1, ...) of errors (O, C, ...) over the candidates that have one; nan without any."""
    ranked = np.sort(error, axis=1)  # nan last
    count = np.count_nonzero(~np.isnan(error), axis=1, keepdims=True)
    lower = np.take_along_axis(ranked, np.maximum(count - 1, 0) // 2, axis=1)
    return np.asarray((lower + np.take_along_axis(ranked, count // 2, axis=1)) / 2)


def combine(weight: Floats, forecast: Floats, trim: float) -> tuple[Floats, Floats]:
    """The ensemble (Q, J) and the weights that made it (C, Q, J), from weights (Q, J, C) and forecasts (C, Q, J).

    A candidate without a forecast has no weight; nan if no candidate has one.
    """
    used = np.where(np.isfinite(forecast), np.moveaxis(weight, -1, 0), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        used = used / used.sum(axis=0)
    return trimmed_mean(used, forecast, trim), used


def trimmed_mean(weight: Floats, value: Floats, trim: float) -> Floats:
    """Weighted mean (...) along the first axis of values (C, ...), without ``trim`` of the weight at either end.

    Weights add up to 1; the result is nan if no value is known. With equal weights, if ``trim`` is a whole number of
    values, it is the usual trimmed mean.
    """
    weight = np.nan_to_num(weight)
    value = np.where(np.isfinite(value) & (weight > 0), value, np.inf)
    order = np.argsort(value, axis=0, kind="stable")
    value, weight = (np.take_along_axis(array, order, axis=0) for array in (value, weight))
    cumulative = np.cumsum(weight, axis=0)
    kept_weight = np.clip(cumulative, trim, 1 - trim) - np.clip(cumulative - weight, trim, 1 - trim)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = (kept_weight * np.where(np.isfinite(value), value, 0.0)).sum(axis=0)
        return np.asarray(np.where(np.isfinite(value[0]), total / kept_weight.sum(axis=0), np.nan))


def ensemble_errors(
    record: TrackRecord, curves: Indices, priors: Floats, settings: EnsembleSettings
) -> Floats:
    """Errors (O, Q, J') that an ensemble with the current weights would have made at past origins; nan without one.

    ``priors`` (O, C) are the prior weights at each origin, from the shapes known there.

    The ensembles of the past had weights from fewer forecasts, at the first origins from none, so their errors would
    give intervals that are too wide now. The current weights are estimated from the same errors that they are applied
    to; they are too few, and shrunk too much, for this to affect the coverage of new forecasts.
    """
    candidates, distance = record.candidates[..., curves], record.distance[..., curves]
    weight = weights(record, curves, distance, np.ones(priors.shape[1]), settings) * priors[:, None, None]
    errors = [
        combine(*weights_and_values, settings.trim)[0]
        for weights_and_values in zip(weight, candidates, strict=True)
    ]
    return np.array(errors).reshape(distance.shape)
