"""Wasserstein distance between two samples of text, the cost of the optimal transport between their documents.

    W_p = ( min over plans P:  Σ_ij P_ij · |a_i − b_j|^p )^(1/p),    P with equal weight per document on both sides

A document is a vector: its byte trigrams, hashed into 256 counts and scaled to length 1. Samples of equal size up to
1,000 documents are matched exactly; others are by Sinkhorn's iterations (Cuturi, NeurIPS 2013), in logarithms, whose
entropy makes the distance slightly too large. A finite sample is biased upwards too, by about n^(−1/dimensions), so
compare samples of one size, and with the distance of two samples of the same text.
"""

from collections.abc import Sequence

import numpy as np

from relscale.laws.law import Array

DIMENSIONS = 256
GRAM = 3  # bytes
MULTIPLIER = 2654435761  # Knuth's, of a hash by multiplication
EXACT = 1000  # documents of a sample that are matched exactly
BLUR = 0.005  # entropy's weight, in units of the mean cost
ITERATIONS, TOLERANCE = 2000, 1e-6


def document_vectors(texts: Sequence[str]) -> Array:
    """Unit vectors (n, 256) of texts; the zero vector for a text shorter than three bytes."""
    vectors = np.zeros((len(texts), DIMENSIONS))
    for vector, text in zip(vectors, texts, strict=True):
        data = np.frombuffer(text.encode(), np.uint8).astype(np.uint64)
        if len(data) >= GRAM:
            gram = data[:-2] << np.uint64(16) | data[1:-1] << np.uint64(8) | data[2:]
            place = (gram * np.uint64(MULTIPLIER) & np.uint64(0xFFFFFFFF)) >> np.uint64(24)
            vector[:] = np.bincount(place.astype(np.int64), minlength=DIMENSIONS)
            vector /= np.linalg.norm(vector)
    return vectors


def transport_distance(a: Array, b: Array, power: float = 1.0) -> float:
    """W_p of two samples of vectors, (n, d) and (m, d)."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    cost = cdist(a, b) ** power
    is_exact = len(a) == len(b) <= EXACT
    total = cost[linear_sum_assignment(cost)].mean() if is_exact else sinkhorn_cost(cost)
    return float(total ** (1 / power))


def sinkhorn_cost(cost: Array) -> float:
    """Cost of the entropy-regularised optimal plan between equal weights, for the cost matrix (n, m)."""
    from scipy.special import logsumexp

    size = float(cost.mean())
    if size == 0:
        return 0.0
    scaled = -cost / (BLUR * size)
    row, column = -np.log(cost.shape[0]), -np.log(cost.shape[1])
    v = np.zeros(cost.shape[1])
    for _ in range(ITERATIONS):
        u = row - logsumexp(scaled + v, axis=1)
        previous, v = v, column - logsumexp(scaled + u[:, None], axis=0)
        if np.abs(v - previous).max() < TOLERANCE:
            break
    return float((np.exp(scaled + u[:, None] + v) * cost).sum())
