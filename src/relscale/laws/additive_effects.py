"""The loss as the inverse of a sum of effects, of the laws ``mixture_additive`` and ``flp_m``, and its derivatives.

L = E + 1 / Σ_i C_i · h_i^γ_i
"""

from collections.abc import Callable

import numpy as np

from relscale.laws.derivatives import empty_rows
from relscale.laws.law import Array, Slopes


def value(theta: Array, x: Array) -> Array:
    """L, (n, ...), of E, C_i, γ_i (1 + 2k, ...) at h (k, n, ...)."""
    terms = theta[1 : 1 + len(x), None] * x ** theta[1 + len(x) :, None]
    return np.asarray(theta[0] + 1 / terms.sum(axis=0))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by E, C_i, γ_i, (1 + 2k, n, ...)."""
    loss, slopes = at(x)(theta)
    return slopes(np.ones(loss.shape))


def at(x: Array) -> Callable[[Array], tuple[Array, Slopes]]:
    """The law at h (k, n, ...): L and its derivatives, which share most of the work, the powers of h.

    No power of 0 is computed; in published mixtures half of the shares are 0.
    """
    count, n = x.shape[:2]
    shares = np.moveaxis(x, (0, 1), (-2, -1))  # per data set, as the derivatives below
    part, point = (shares != 0).reshape(-1, count, n).any(axis=0).nonzero()
    per_part, place = np.bincount(part, minlength=count), part * n + point
    is_present = shares[..., part, point] != 0
    log_present = np.log(np.where(is_present, shares[..., part, point], 1.0))
    logs = np.zeros(shares.shape)
    logs[..., part, point] = log_present
    in_all = bool(is_present.all())

    def of(theta: Array) -> tuple[Array, Slopes]:
        parameters = np.moveaxis(theta, 0, -1)
        weight, exponent = parameters[..., 1 : 1 + count], parameters[..., 1 + count :]
        present = np.repeat(exponent, per_part, axis=-1) * log_present
        np.exp(present, out=present)
        if not in_all:
            present *= is_present
        powers = np.zeros((*present.shape[:-1], count, n))
        powers.reshape(*present.shape[:-1], -1)[..., place] = present
        reducible = 1 / (weight[..., None, :] @ powers)

        def slopes(factor: Array) -> Array:
            rows = empty_rows(len(theta), theta, x)
            by_floor, by_weight, by_exponent = np.split(
                np.moveaxis(rows, (0, 1), (-2, -1)), [1, 1 + count], axis=-2
            )
            by_floor[...] = np.moveaxis(factor, 0, -1)[..., None, :]
            np.multiply(powers, -(reducible**2) * by_floor, out=by_weight)
            np.multiply(by_weight, logs, out=by_exponent)
            by_exponent *= weight[..., None]
            return rows

        return np.asarray(theta[0] + np.moveaxis(reducible[..., 0, :], -1, 0)), slopes

    return of
