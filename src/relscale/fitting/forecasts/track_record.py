"""Errors of past forecasts with known outcomes, from which weights and interval widths are estimated."""

from dataclasses import dataclass, replace

import numpy as np

from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.rolling_origins import Mask, Origins


@dataclass(frozen=True)
class TrackRecord:
    """Errors ``ln predicted − ln observed`` of the forecasts of Q points at O origins; nan where there is none.

    Attributes
    ----------
    by
        (O,) the kind of each origin.
    origin
        (O,) ln F of the largest known at it.
    distance
        (O, Q) ln F of the point over the largest known at the origin.
    candidates
        (O, C, Q, J).
    series
        (O, C', Q, K) of what each error series says of itself.
    evidence
        (O, J) at each origin, as in ``backtest.Foresight``.
    """

    by: tuple[str, ...]
    origin: Floats
    distance: Floats
    candidates: Floats
    series: Floats
    evidence: Floats

    def known_by(self, origins: Origins, known: Mask) -> "TrackRecord":
        """The part of it whose forecasts were made, and whose outcomes are known, by the points ``known`` (P,)."""
        resolved = origins.resolved(known)
        return replace(
            self,
            candidates=np.where(resolved[:, None, :, None], self.candidates, np.nan),
            series=np.where(resolved[:, None, :, None], self.series, np.nan),
        )


def recency(record: TrackRecord, known: Mask, e_fold: float) -> Floats:
    """(O,) what an origin's errors count: ``exp(−(ln F_last − ln F) / e_fold)``, 0 where it is not ``known`` (O,)."""
    last = record.origin[known].max(initial=-np.inf)
    return np.where(known, np.exp(-np.maximum(last - record.origin, 0) / e_fold), 0.0)


def origin_counts(record: TrackRecord, known: Mask, distance: Floats) -> tuple[int, Floats]:
    """The number of ``known`` origins (O,), and of independent ones at each ``distance`` (Q',).

    Origins by compute and by size look at the same numbers twice, so those of one kind count, the kind that has more.
    Two forecasts over a distance d from origins that are less than d apart cross the same ground. Origins that span a
    range R give ``1 + R / d`` forecasts that do not, at most the n that there are; 2 where there are 2 at all, since a
    t quantile of one degree of freedom is uninformative.
    """
    n, independent = 0, np.full(len(distance), 0.0)
    for kind in sorted(set(record.by)):
        at = record.origin[known & (np.array(record.by) == kind)]
        if len(at):
            apart = 1 + np.ptp(at) / np.maximum(distance, np.ptp(at) / len(at) + 1e-12)
            n = max(n, len(at))
            independent = np.maximum(independent, np.clip(apart, min(2, len(at)), len(at)))
    return n, independent
