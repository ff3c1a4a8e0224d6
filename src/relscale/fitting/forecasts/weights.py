"""The ensemble's weights: from the candidates' past errors, on one scale, at distances like the one asked for.

    w_c ∝ (M_0 / M_c)^(q · n_c / (n_c + n_0))
    M_c = Σ k·e_c² / Σ k,    k = 1 / (1 + (d_past − d)² / h²) / (forecasts of the origin)

M_c is the mean squared log error of candidate c, and M_0 that of persistence on the same forecasts; each origin has one
vote, more of one where its distance d_past = ln(F / F_max) is like the distance d that is asked for. With few
origins n_c against n_0 the weights are next to equal, with many they are inverse mean squares to the power q, 2 by
default. A candidate without a past has no weight; persistence, which never fails, always has some. Curves of one pool
(groups of a suite) share their weights: groups are too dependent, and origins too few, to weigh candidates for each.

Bates & Granger, *Operational Research Quarterly* 20 (1969), for inverse mean squares; Smith & Wallis, *Oxford Bulletin*
71 (2009), for why equal weights are so hard to beat, and so what to shrink to.
"""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.ensemble_settings import EnsembleSettings
from relscale.fitting.forecasts.forecast_data import Indices
from relscale.fitting.forecasts.track_record import TrackRecord

LEAST = 1e-12  # a squared log error that is none


def weights(
    record: TrackRecord, curves: Indices, distance: Floats, unproven: Floats, settings: EnsembleSettings
) -> Floats:
    """(Q', C) for forecasts at ``distance`` (Q',), of the pool's ``curves`` (positions), before any are left out.

    ``unproven`` (C,) are the weights where nothing has been forecast and met yet.
    """
    error = record.candidates[..., curves]
    reference = error[:, :1]
    both = np.isfinite(error) & np.isfinite(reference)
    if not both.any():
        return np.broadcast_to(unproven, (len(distance), len(unproven))).copy()
    votes = both[:, 0].any(axis=2).sum(axis=1)
    near = 1 / (1 + ((distance[:, None, None] - record.distance) / settings.near) ** 2)
    near /= np.maximum(votes, 1)[:, None]
    of_candidate, of_reference = (
        np.einsum("xoq,ocq->xc", near, (np.where(both, e, 0.0) ** 2).sum(axis=3)) for e in (error, reference)
    )
    origins = both.any(axis=(2, 3)).sum(axis=0)
    power = settings.sharpness * origins / (origins + settings.skill_prior)
    return np.where(origins > 0, ((of_reference + LEAST) / (of_candidate + LEAST)) ** power, 0.0)


def combine(weight: Floats, forecast: Floats) -> tuple[Floats, Floats]:
    """The ensemble (Q, J) and the weights that made it (C, Q, J), from weights (Q, C) and forecasts (C, Q, J).

    A candidate without a forecast has no weight; nan where no candidate has one.
    """
    used = np.where(np.isfinite(forecast), weight.T[:, :, None], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        used = used / used.sum(axis=0)
        return np.where(used > 0, used * forecast, 0.0).sum(axis=0) + 0 * used.sum(axis=0), used


def rewound(record: TrackRecord, curves: Indices, unproven: Floats, settings: EnsembleSettings) -> Floats:
    """(O, Q, J') the errors that an ensemble of today's weights would have made in the past; nan where it made none.

    The ensembles that there were then had weights from less, at the first origins from nothing, and would make
    intervals that are too wide today. These have weights from the errors that they are applied to; there are too few
    weights, shrunk too much, for that to show in the coverage of new forecasts.
    """
    candidates, distance = record.candidates[..., curves], record.distance
    weight = weights(record, curves, distance.ravel(), unproven, settings)
    by_origin = weight.reshape(*distance.shape, weight.shape[1])
    errors = [combine(*one)[0] for one in zip(by_origin, candidates, strict=True)]
    return np.array(errors).reshape(*distance.shape, len(curves))
