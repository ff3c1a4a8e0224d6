"""Wasserstein distance between two samples of text, the cost of the optimal transport between their documents.

    W_p = ( min over plans P:  Σ_ij P_ij · |a_i − b_j|^p )^(1/p),    P with equal weight per document on both sides

A document is a vector: its byte trigrams, hashed into 256 counts and scaled to length 1. Samples of equal size up to
1,000 documents are matched exactly; other plans are computed by Sinkhorn's iterations (Cuturi, NeurIPS 2013) in
logarithms, whose entropy term makes the distance slightly too large. Finite samples bias it upwards too, by about
n^(−1/dimensions): compare samples of equal size, and compare with the distance between two samples of the same text.
"""

from collections.abc import Sequence

import numpy as np

from relscale.laws.law import Array

DIMENSIONS = 256
GRAM = 3  # bytes
MULTIPLIER = 2654435761  # Knuth's multiplicative hash
MAX_EXACT = 1000  # maximum number of documents per sample that are matched exactly
BLUR = 0.005  # weight of the entropy term, in units of the mean cost
ITERATIONS, TOLERANCE = 2000, 1e-6


def document_vectors(texts: Sequence[str]) -> Array:
    """Unit vectors (n, 256) of texts; the zero vector for a text shorter than three bytes."""
    vectors = np.zeros((len(texts), DIMENSIONS))
    for vector, text in zip(vectors, texts, strict=True):
        data = np.frombuffer(text.encode(), np.uint8).astype(np.uint64)
        if len(data) >= GRAM:
            gram = data[:-2] << np.uint64(16) | data[1:-1] << np.uint64(8) | data[2:]
            bucket = (gram * np.uint64(MULTIPLIER) & np.uint64(0xFFFFFFFF)) >> np.uint64(24)
            vector[:] = np.bincount(bucket.astype(np.int64), minlength=DIMENSIONS)
            vector /= np.linalg.norm(vector)
    return vectors


def transport_distance(a: Array, b: Array, power: float = 1.0) -> float:
    """W_p of two samples of vectors, (n, d) and (m, d)."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    cost = cdist(a, b) ** power
    is_exact = len(a) == len(b) <= MAX_EXACT
    total = cost[linear_sum_assignment(cost)].mean() if is_exact else sinkhorn_cost(cost)
    return float(total ** (1 / power))


def sinkhorn_cost(cost: Array) -> float:
    """Cost of the entropy-regularised optimal plan between equal weights, for the cost matrix (n, m)."""
    from scipy.special import logsumexp

    mean_cost = float(cost.mean())
    if mean_cost == 0:
        return 0.0
    scaled = -cost / (BLUR * mean_cost)
    row, column = -np.log(cost.shape[0]), -np.log(cost.shape[1])
    v = np.zeros(cost.shape[1])
    for _ in range(ITERATIONS):
        u = row - logsumexp(scaled + v, axis=1)
        previous, v = v, column - logsumexp(scaled + u[:, None], axis=0)
        if np.abs(v - previous).max() < TOLERANCE:
            break
    return float((np.exp(scaled + u[:, None] + v) * cost).sum())
