"""Where else the sum of squares of the additive mixture law may have a minimum: another effect of one part.

The minima that searches from many points find differ mostly in one part with little effect: its C·h^γ is nearly
constant where the part is present, or matters only where the part is most of the data, or is 0 everywhere. For given
effects of the other parts, C and γ of each such part are therefore tried on a grid.
"""

import numpy as np

from relscale.laws.law import Array

EXPONENTS = np.exp(np.arange(-5.0, 2.5))  # γ
WEIGHTS = np.exp(np.arange(-9.0, 6.0))  # C, in units of 1 / y
LITTLE = 0.05  # relative increase of the sum of squares without a part, up to which it is tried
APART = 1.0  # smallest difference in ln γ


def other_optima(theta: Array, x: Array, y: Array, weights: Array) -> Array:
    """Of each data set the best point that differs from its optimum in C and γ of one part.

    Parameters
    ----------
    theta
        (1 + 2k, B) optima: E, C_i, γ_i.
    x, y, weights
        (k, n) shares, and losses and weights (n, B) or (n, 1).

    Returns
    -------
    Array
        (1 + 2k, B); the optimum itself if no part has little effect.
    """
    count, found = len(x), theta.copy()
    powers = x ** EXPONENTS[:, None, None]  # (G, k, n)
    for j, (floor, *of_parts) in enumerate(theta.T):
        weight, exponent = np.split(np.array(of_parts), 2)
        used = weights[:, j if weights.shape[1] > 1 else 0]
        rows = used > 0
        of_rows, loss = used[rows], y[rows, j if y.shape[1] > 1 else 0] - floor
        effects = weight[:, None] * x[:, rows] ** exponent[:, None]
        total = effects.sum(axis=0)
        least = (1 / total - loss) ** 2 @ of_rows
        without = total - effects
        without_part = (1 / np.where(without > 0, without, np.nan) - loss) ** 2 @ of_rows
        best = np.inf
        for i in np.flatnonzero(without_part < least * (1 + LITTLE)):
            tried = np.flatnonzero(np.abs(np.log(EXPONENTS / exponent[i])) > APART)
            sums = without[i] + (WEIGHTS / loss.mean())[:, None, None] * powers[tried, i][:, rows]
            on_grid = (1 / sums - loss) ** 2 @ of_rows
            if on_grid.min() < best:
                best = on_grid.min()
                at = np.unravel_index(on_grid.argmin(), on_grid.shape)
                found[:, j] = theta[:, j]
                found[[1 + i, 1 + count + i], j] = WEIGHTS[at[0]] / loss.mean(), EXPONENTS[tried[at[1]]]
    return found
