"""The loss as the inverse of a sum of effects, of the laws ``mixture_additive`` and ``flp_m``, and its derivatives.

L = E + 1 / Σ_i C_i · h_i^γ_i
"""

from collections.abc import Callable

import numpy as np

from relscale.laws.law import ALL, Array, DataSets, Slopes


def value(theta: Array, x: Array) -> Array:
    """L, (n, ...), of E, C_i, γ_i (1 + 2k, ...) at h (k, n, ...)."""
    terms = theta[1 : 1 + len(x), None] * x ** theta[1 + len(x) :, None]
    return np.asarray(theta[0] + 1 / terms.sum(axis=0))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by E, C_i, γ_i, (1 + 2k, n, ...)."""
    loss, slopes = at(x)(theta)
    return slopes(np.ones(loss.shape), ALL)


def at(x: Array) -> Callable[[Array], tuple[Array, Slopes]]:
    """The law at h (k, n, ...): L and its derivatives, which share most of the work, the powers of h.

    The power of each distinct share is computed once, and that of 0 not at all: in published mixtures half of the
    shares are 0, and the others are rounded.
    """
    count, n = x.shape[:2]
    shares = np.moveaxis(x, (0, 1), (-2, -1))  # per data set, as the derivatives below
    distinct = [np.unique(part[part != 0]) for part in np.moveaxis(shares, -2, 0)]
    per_part = [len(values) for values in distinct]
    log_distinct = np.log(np.concatenate(distinct))
    first = 1 + np.cumsum([0, *per_part[:-1]])[:, None]  # place 0 is that of 0
    place = np.stack(
        [np.searchsorted(values, shares[..., i, :]) for i, values in enumerate(distinct)], axis=-2
    )
    place = np.where(shares == 0, 0, first + place)
    logs = np.append(0.0, log_distinct)[place]
    is_shared = place.size == count * n
    place = place.reshape(-1) if is_shared else place.reshape(*place.shape[:-2], -1)

    def of(theta: Array) -> tuple[Array, Slopes]:
        parameters = np.moveaxis(theta, 0, -1)
        weight, exponent = parameters[..., 1 : 1 + count], parameters[..., 1 + count :]
        known = np.zeros((*exponent.shape[:-1], 1 + len(log_distinct)))
        np.exp(np.repeat(exponent, per_part, axis=-1) * log_distinct, out=known[..., 1:])
        # Places are within bounds; mode "raise" would check each.
        powers = (
            known.take(place, axis=-1, mode="clip")
            if is_shared
            else np.take_along_axis(known, place, axis=-1)
        )
        powers = powers.reshape(*powers.shape[:-1], count, n)
        reducible = 1 / (weight[..., None, :] @ powers)

        def slopes(factor: Array, of: DataSets) -> Array:
            powers_of, reducible_of, weight_of = powers[of], reducible[of], weight[of]
            rows = np.empty(
                (*powers_of.shape[:-2], 1 + 2 * count, n)
            )  # contiguous per data set, for products
            by_floor, by_weight, by_exponent = (
                rows[..., :1, :],
                rows[..., 1 : 1 + count, :],
                rows[..., 1 + count :, :],
            )
            by_floor[...] = np.moveaxis(factor, 0, -1)[..., None, :]
            np.multiply(powers_of, -(reducible_of**2) * by_floor, out=by_weight)
            np.multiply(by_weight, logs if is_shared else logs[of], out=by_exponent)
            by_exponent *= weight_of[..., None]
            return np.moveaxis(rows, (-2, -1), (0, 1))

        return np.asarray(theta[0] + np.moveaxis(reducible[..., 0, :], -1, 0)), slopes

    return of
