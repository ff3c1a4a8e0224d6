"""Effective tokens and parameters of the law ``data_constrained``, the loss of these, and its derivatives."""

import numpy as np

from relscale.laws import parametric
from relscale.laws.law import Array


def decayed(unique: Array, count: Array, scale: Array) -> Array:
    """Effective tokens of ``count`` repetitions: ``unique · (1 + scale · (1 − e^(−count / scale)))``."""
    return np.asarray(unique * (1 - scale * np.expm1(-np.maximum(count, 0) / scale)))


def optimal_params(theta: Array, unique: Array) -> Array:
    """The compute-optimal parameters (n, ...) for unique tokens, by E, A, B, α, β, … (q, ...)."""
    _, a, b, alpha, beta = theta[:5]
    log_g = np.log(alpha * a / (beta * b)) / (alpha + beta)
    return np.asarray(np.exp(log_g + (np.log(unique) + log_g) * beta / alpha))


def effective(theta: Array, x: Array) -> tuple[Array, Array]:
    """N' and D', each (n, ...), of E, A, B, α, β, R_D, R_N (7, ...) at N, D, U (3, n, ...)."""
    params, tokens, unique = x
    unique = np.minimum(unique, tokens)  # further tokens are not read
    needed = np.minimum(params, optimal_params(theta, unique))
    return decayed(needed, params / needed - 1, theta[6]), decayed(unique, tokens / unique - 1, theta[5])


def value(theta: Array, x: Array) -> Array:
    """L, (n, ...), of E, A, B, α, β, R_D, R_N (7, ...) at N, D, U (3, n, ...)."""
    return parametric.value(theta[:5], np.stack(effective(theta, x)))


def value_and_jacobian(theta: Array, x: Array) -> tuple[Array, Array]:
    """L (n, ...) and its derivatives by E, A, B, α, β, R_D, R_N, (7, n, ...).

    A, B, α and β change the loss directly, and N' by the parameters U_N that the unique tokens need.
    """
    floor, a, b, alpha, beta, repeats, excess = theta
    params, tokens, unique = x
    unique = np.minimum(unique, tokens)
    log_unique, log_g = np.log(unique), np.log(alpha * a / (beta * b)) / (alpha + beta)
    optimal = np.exp(log_g + (log_unique + log_g) * beta / alpha)
    needed = np.minimum(params, optimal)
    surplus = params / needed - 1
    kept, by_repeats = _decay(tokens / unique - 1, repeats)
    in_use, by_excess = _decay(surplus, excess)
    log_n, log_d = np.log(needed * (1 + in_use)), np.log(unique * (1 + kept))
    by_a, by_b = np.exp(-alpha * log_n), np.exp(-beta * log_d)
    size, text = a * by_a, b * by_b
    by_log_n = -alpha * size
    # 1 − d ln N' / d ln U_N: 1 where all parameters are needed, and 0 where they are so far in excess that A cancels
    # in A / N'^α: exactly, because a search would scale up a derivative that is a rounding error.
    own = np.where(params > optimal, np.exp(-surplus / excess) * (1 + surplus) / (1 + in_use), 1.0)
    by_log_needed = by_log_n * (1 - own)
    rows = (
        np.ones_like(size),
        by_a * own,
        by_b - by_log_needed / (alpha * b),
        -size * log_n + by_log_needed * (1 / alpha - log_g - (log_unique + log_g) * beta / alpha) / alpha,
        -text * log_d + by_log_needed * (log_unique - 1 / beta) / alpha,
        -beta * text * by_repeats / (1 + kept),
        by_log_n * by_excess / (1 + in_use),
    )
    return np.asarray(floor + size + text), np.stack(np.broadcast_arrays(*rows))


def jacobian(theta: Array, x: Array) -> Array:
    """The derivatives of L, (7, n, ...)."""
    return value_and_jacobian(theta, x)[1]


def _decay(count: Array, scale: Array) -> tuple[Array, Array]:
    """``scale · (1 − e^(−count / scale))`` and its derivative by the scale."""
    ratio = np.maximum(count, 0) / scale
    gone = -np.expm1(-ratio)
    return scale * gone, gone - ratio * (1 - gone)
