"""Ensemble: a trimmed mean, weighted by the candidates' past errors at distances similar to the forecast's.

    ln w_c = ln p_c − q · n_c / (n_c + n_0) · r_c
    r_c = Σ_o k_o · ln(M_co / M_o) / Σ_o k_o,    k = exp(−(ln F_last − ln F_o) / ρ) / (1 + (d_past − d)² / h²)

M_co is the mean squared log error of candidate c at origin o, and M_o that of the candidates' median on the same
forecasts. Each origin has one vote. It counts more where its distance d_past = ln(F / F_max) is like the distance d
that is asked for, and where its F_o, the most compute that it knew, is near that of the last origin. With few origins
n_c against n_0 the weights are next to p_c, with many they are inverse mean squares to the power q. A candidate without
a past keeps p_c. Curves of one pool (groups of a suite) share their weights: groups are too dependent, and origins too
few, to weigh candidates for each.

p_c is 1, but ``surface`` for the laws of N and D where errors are forecast from models whose D/N differs at equal
compute: there a law of compute alone leaves a predictor out.

The forecast is the mean of the middle half of the weight: a mean of all is undone by one wild candidate, and a median
goes by one or two.

Bates & Granger, *Operational Research Quarterly* 20 (1969), for weights from past errors; Smith & Wallis, *Oxford
Bulletin* 71 (2009), for why equal weights are so hard to beat, and so what to shrink to.
"""

import warnings

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.ensemble_settings import EnsembleSettings
from relscale.fitting.forecasts.forecast_data import Indices
from relscale.fitting.forecasts.track_record import TrackRecord, recency

LEAST = 1e-12  # a squared log error that is none
MOST = 3.0  # of |r| at one origin


def weights(
    record: TrackRecord, curves: Indices, distance: Floats, prior: Floats, settings: EnsembleSettings
) -> Floats:
    """(Q', C) for forecasts at ``distance`` (Q',), of the pool's ``curves`` (positions), before any are left out.

    ``prior`` (C,) are the weights where nothing has been forecast and met yet.
    """
    error = record.candidates[..., curves]
    known = np.isfinite(error)
    if not known.any():
        return np.broadcast_to(prior, (len(distance), len(prior))).copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a forecast that no candidate made
        middle = np.broadcast_to(np.nanmedian(error, axis=1, keepdims=True), error.shape)
    near = 1 / (1 + ((distance[:, None, None] - record.distance) / settings.near) ** 2)
    near = near * recency(record, np.asarray(known.any(axis=(1, 2, 3))), settings.recency)[:, None]
    of_candidate, of_median, votes = (
        np.einsum("xoq,ocq->xco", near, setting)
        for setting in (
            (np.where(known, error, 0.0) ** 2).sum(axis=3),
            (np.where(known, middle, 0.0) ** 2).sum(axis=3),
            known.any(axis=3).astype(float),
        )
    )
    ratio = np.clip(np.log((of_candidate + LEAST) / (of_median + LEAST)), -MOST, MOST)
    vote = votes / np.maximum(known.any(axis=(1, 3)).sum(axis=1), 1)
    origins = (votes > 0).sum(axis=2)
    skill = (vote * ratio).sum(axis=2) / np.maximum(vote.sum(axis=2), LEAST)
    return np.asarray(
        prior * np.exp(-settings.sharpness * origins / (origins + settings.skill_prior) * skill)
    )


def combine(weight: Floats, forecast: Floats, trim: float) -> tuple[Floats, Floats]:
    """The ensemble (Q, J) and the weights that made it (C, Q, J), from weights (Q, C) and forecasts (C, Q, J).

    A candidate without a forecast has no weight; nan where no candidate has one.
    """
    used = np.where(np.isfinite(forecast), weight.T[:, :, None], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        used = used / used.sum(axis=0)
    return trimmed_mean(used, forecast, trim), used


def trimmed_mean(weight: Floats, value: Floats, trim: float) -> Floats:
    """(...) the means along the first axis of values (C, ...) with weights that add up to 1, without ``trim`` of the
    weight at either end; nan where no value is known.

    Where weights are equal and ``trim`` takes whole values off, it is the trimmed mean of the values.
    """
    weight = np.nan_to_num(weight)
    value = np.where(np.isfinite(value) & (weight > 0), value, np.inf)
    order = np.argsort(value, axis=0, kind="stable")
    value, weight = (np.take_along_axis(array, order, axis=0) for array in (value, weight))
    up_to = np.cumsum(weight, axis=0)
    weight_inside = np.clip(up_to, trim, 1 - trim) - np.clip(up_to - weight, trim, 1 - trim)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = (weight_inside * np.where(np.isfinite(value), value, 0.0)).sum(axis=0)
        return np.asarray(np.where(np.isfinite(value[0]), total / weight_inside.sum(axis=0), np.nan))


def rewound(record: TrackRecord, curves: Indices, prior: Floats, settings: EnsembleSettings) -> Floats:
    """(O, Q, J') the errors that an ensemble of today's weights would have made in the past; nan where it made none.

    The ensembles that there were then had weights from less, at the first origins from nothing, and would make
    intervals that are too wide today. These have weights from the errors that they are applied to; there are too few
    weights, shrunk too much, for that to show in the coverage of new forecasts.
    """
    candidates, distance = record.candidates[..., curves], record.distance
    weight = weights(record, curves, distance.ravel(), prior, settings)
    by_origin = weight.reshape(*distance.shape, weight.shape[1])
    errors = [
        combine(*weights_and_values, settings.trim)[0]
        for weights_and_values in zip(by_origin, candidates, strict=True)
    ]
    return np.array(errors).reshape(*distance.shape, len(curves))
