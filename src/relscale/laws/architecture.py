"""Conditional law of the model shape: the excess loss of a shape over the best shape of the same size and data.

    L = (1 + a_1 · ln x + a_2 / x) · (b_0 + b_1 · ln r + b_2 / r) · L_opt

x is width over √parameters, r the ratio of MLP to attention parameters, L_opt the loss of the best shape of that size
and data, such as from a fit of ``parametric``. The best shapes are ``x = a_2 / a_1`` and ``r = b_2 / b_1``.

Source: *Scaling Laws Meet Model Architecture*, arXiv 2510.18245; its a_0 is 1 here, since only a_0 · b_0 counts.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.optimum import Optimum
from relscale.laws.profile import crossed
from relscale.laws.separable import separable

BESTS = np.geomspace(0.2, 5, 9)  # a_2 / a_1, in units of the geometric mean of x
BENDS = np.array([1e-3, 0.01, 0.05, 0.2, 0.7, 2.5])  # a_1


def coordinates(x: Array) -> Array:
    """x, r and L_opt."""
    return np.asarray(x, dtype=float)


def terms(g: Array, z: Array) -> Array:
    """The terms of b_0, b_1, b_2, (3, n, ...), of a_1, a_2 (2, ...) at x, r, L_opt (3, n, ...)."""
    width_penalty = (1 + g[0] * np.log(z[0]) + g[1] / z[0]) * z[2]
    return np.stack([width_penalty, width_penalty * np.log(z[1]), width_penalty / z[1]])


def grid(z: Array) -> Array:
    """a_1 and a_2."""
    bend, best = crossed(BENDS, np.exp(np.log(z[0]).mean()) * BESTS)
    return np.stack([bend, bend * best])


def best_shape(theta: Array) -> tuple[Array, Array]:
    """The best x and r, of a_1, a_2, b_0, b_1, b_2 (5, ...)."""
    return theta[1] / theta[0], theta[4] / theta[3]


LAW = separable(
    name="architecture",
    predictors=("width_ratio", "mlp_ratio", "optimal_loss"),
    parameters=(
        Parameter("a_1", "none", "the penalty of wide models", low=0),
        Parameter("a_2", "unit of x", "the penalty of narrow models", low=0),
        Parameter("b_0", "none", "the level"),
        Parameter("b_1", "none", "the penalty of a large MLP"),
        Parameter("b_2", "none", "the penalty of a small MLP"),
    ),
    linear=("b_0", "b_1", "b_2"),
    signed=("b_0", "b_1", "b_2"),
    terms=terms,
    grid=grid,
    coordinates=coordinates,
    source="arXiv 2510.18245",
    formula="L = (1 + a_1 · ln x + a_2 / x) · (b_0 + b_1 · ln r + b_2 / r) · L_opt",
    traps="Shapes are needed on both sides of the optimum, else a_1 or b_1 ends at 0 or below and there is "
    "no optimum. Depth is fixed in the paper; extreme shapes, such as r = 0.1, do not follow this law.",
)


def _optimum(theta: Array, fixed: Mapping[str, float]) -> dict[str, float]:
    width, mlp = best_shape(theta)
    inner = theta[0] > 0 and theta[1] > 0, theta[3] > 0 and theta[4] > 0
    return {
        "width_ratio": float(width) if inner[0] else np.nan,
        "mlp_ratio": float(mlp) if inner[1] else np.nan,
    }


OPTIMUM = Optimum({}, _optimum)
