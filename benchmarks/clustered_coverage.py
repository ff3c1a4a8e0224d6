"""Limits of a coverage that was counted in clusters: forecasts of one rolling origin are right or wrong together.

Of a family with K clusters and the coverages h_k in them,

    p = mean of h_k,    n = K / φ,    φ = Σ (h_k − p)² / Σ (1 − 1/K) p (1 − p)

with the sums of φ over the clusters of all families, since one without a miss says nothing of how misses come
together. The limits are Clopper and Pearson's of n·p hits in n trials, n independent forecasts being worth as much
as the K clusters; Korn & Graubard, *Survey Methodology* 24 (1998). Clusters count as independent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv


@dataclass(frozen=True)
class Coverage:
    """Coverage of a family, its limits, and how many clusters and independent forecasts these rest on."""

    value: float
    low: float
    high: float
    clusters: int
    effective: float


def clustered_coverage(families: Mapping[str, Sequence[float]], level: float = 0.95) -> dict[str, Coverage]:
    """Of each family, from the coverage in each of its clusters."""
    shares = {name: np.asarray(share, dtype=float) for name, share in families.items()}
    square = sum(float(((h - h.mean()) ** 2).sum()) for h in shares.values())
    binomial = sum((len(h) - 1) * h.mean() * (1 - h.mean()) for h in shares.values())
    phi = (
        square / binomial if square else 1.0
    )  # where nothing shows how misses come together, each cluster is one trial
    result = {}
    for name, h in shares.items():
        p, n = float(h.mean()), len(h) / phi
        hit, missed, tail = n * p, n * (1 - p), (1 - level) / 2
        low = float(betaincinv(hit, missed + 1, tail)) if hit else 0.0
        high = float(betaincinv(hit + 1, missed, 1 - tail)) if missed else 1.0
        result[name] = Coverage(p, low, high, len(h), n)
    return result
