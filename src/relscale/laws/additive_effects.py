"""The loss as the inverse of a sum of effects, of the laws ``mixture_additive`` and ``flp_m``, and its derivatives.

L = E + 1 / Σ_i C_i · h_i^γ_i
"""

from collections.abc import Callable

import numpy as np

from relscale.laws.derivatives import empty_rows
from relscale.laws.law import Array


def value(theta: Array, x: Array) -> Array:
    """L, (n, ...), of E, C_i, γ_i (1 + 2k, ...) at h (k, n, ...)."""
    terms = theta[1 : 1 + len(x), None] * x ** theta[1 + len(x) :, None]
    return np.asarray(theta[0] + 1 / terms.sum(axis=0))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by E, C_i, γ_i, (1 + 2k, n, ...)."""
    return at(x)(theta)[1]


def at(x: Array) -> Callable[[Array], tuple[Array, Array]]:
    """The law at h (k, n, ...): L and its derivatives, which share most of the work, the powers of h.

    No power of 0 is computed; in published mixtures half of the shares are 0.
    """
    count, n = x.shape[:2]
    shares = np.moveaxis(x, (0, 1), (-2, -1))  # per data set, as the derivatives below
    part, point = (shares != 0).reshape(-1, count, n).any(axis=0).nonzero()
    per_part, place = np.bincount(part, minlength=count), (1 + part) * n + point
    is_present = shares[..., part, point] != 0
    log_present = np.log(np.where(is_present, shares[..., part, point], 1.0))
    logs = np.zeros(shares.shape)
    logs[..., part, point] = log_present
    in_all = bool(is_present.all())

    def of(theta: Array) -> tuple[Array, Array]:
        rows = empty_rows(len(theta), theta, x)
        by_set = np.moveaxis(rows, (0, 1), (-2, -1))
        by_weight, by_exponent = by_set[..., 1 : 1 + count, :], by_set[..., 1 + count :, :]
        parameters = np.moveaxis(theta, 0, -1)
        power = np.repeat(parameters[..., 1 + count :], per_part, axis=-1) * log_present
        np.exp(power, out=power)
        if not in_all:
            power *= is_present
        by_set[..., 0, :], by_weight[...] = 1, 0
        by_set.reshape(*by_set.shape[:-2], -1)[..., place] = power
        np.multiply(parameters[..., 1 : 1 + count, None], by_weight, out=by_exponent)
        reducible = 1 / by_exponent.sum(axis=-2)
        by_sum = -(reducible**2)[..., None, :]
        by_weight *= by_sum
        by_exponent *= by_sum
        by_exponent *= logs
        return np.asarray(theta[0] + np.moveaxis(reducible, -1, 0)), rows

    return of
