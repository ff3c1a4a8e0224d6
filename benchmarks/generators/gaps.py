"""Gaps along a ladder of budgets: a straight ln G with independent normal noise, of one or many groups.

    ln G_gi = Δβ_g·(ln F_i − ln F_0) + sd·e_gi

``crossing``: one group, which the baseline meets at F_0. ``groups``: Δβ_g normal around a common mean, and noise of
the baseline that all groups of a data set share.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BUDGETS = np.array([1e18, 3e18, 6e18, 1e19, 3e19, 6e19, 1e20])
X = np.log(BUDGETS)
MEAN = -0.01  # Δβ


def crossing(delta_beta: float, at: float, sd: float, size: int, rng: np.random.Generator) -> Floats:
    """(P, size) ln G that is 0 at ``at`` FLOPs."""
    clean = delta_beta * (X - np.log(at))
    return np.asarray(clean[:, None] + sd * rng.standard_normal((len(X), size)))


def groups(
    number: int, spread: float, sd: float, of_baseline: float, size: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """ln G (P, number, size) of many groups against one baseline, and their true Δβ (number, size)."""
    delta_beta = MEAN + spread * rng.standard_normal((number, size))
    z = (X - X.mean())[:, None, None]
    own = sd * rng.standard_normal((len(X), number, size))
    shared = of_baseline * rng.standard_normal((len(X), 1, size))
    return z * delta_beta + own - shared, delta_beta
