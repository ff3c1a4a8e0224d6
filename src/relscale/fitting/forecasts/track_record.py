"""Errors of past forecasts with known outcomes, from which weights and interval widths are estimated."""

from dataclasses import dataclass, replace

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.rolling_origins import Mask, Origins


@dataclass(frozen=True)
class TrackRecord:
    """Errors ``ln predicted − ln observed`` of the forecasts of Q points at O origins; nan without a forecast.

    Attributes
    ----------
    by
        (O,) the kind of each origin.
    origin
        (O,) largest known ln F at the origin.
    distance
        (O, Q, J) ln F of the point minus the largest known of the curve at the origin.
    candidates
        (O, C, Q, J).
    series
        (O, C', Q, K) of the forecasts of each error series from its own past.
    evidence
        (O, J) at each origin, as in ``backtest.OriginForecast``.
    """

    by: tuple[str, ...]
    origin: Floats
    distance: Floats
    candidates: Floats
    series: Floats
    evidence: Floats

    def known_by(self, origins: Origins, known: Mask) -> "TrackRecord":
        """The part with forecasts and outcomes that are known from the points ``known`` (P,)."""
        resolved = origins.resolved(known)
        return replace(
            self,
            candidates=np.where(resolved[:, None, :, None], self.candidates, np.nan),
            series=np.where(resolved[:, None, :, None], self.series, np.nan),
        )


def recency(record: TrackRecord, known: Mask, e_fold: float) -> Floats:
    """(O,) weight of an origin's errors: ``exp(−(ln F_last − ln F) / e_fold)``, 0 if not ``known`` (O,)."""
    last = record.origin[known].max(initial=-np.inf)
    return np.where(known, np.exp(-np.maximum(last - record.origin, 0) / e_fold), 0.0)


def origin_counts(record: TrackRecord, known: Mask, distance: Floats) -> tuple[int, Floats]:
    """The number of ``known`` origins (O,), and of independent origins at each ``distance`` (...).

    Origins by compute and by size use the same numbers, so only the more frequent kind is counted. Two forecasts over a
    distance d from origins less than d apart overlap. Origins over a range R give ``1 + R / d`` forecasts without
    overlap, at most their number n, and at least 2 if n ≥ 2, since a t quantile of one degree of freedom is
    uninformative.
    """
    n, independent = 0, np.zeros(distance.shape)
    for kind in sorted(set(record.by)):
        at = record.origin[known & (np.array(record.by) == kind)]
        if len(at):
            apart = 1 + np.ptp(at) / np.maximum(distance, np.ptp(at) / len(at) + 1e-12)
            n = max(n, len(at))
            independent = np.maximum(independent, np.clip(apart, min(2, len(at)), len(at)))
    return n, independent
