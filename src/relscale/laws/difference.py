"""Relative law as a difference: how the gap between two test distributions, in the metric's unit, moves with compute.

    Δ(F) = E_t(F) − E_b(F) = Δ_ref · (F / F_ref)^δ

| parameter | unit |
|---|---|
| ``difference_at_reference``, Δ_ref | the metric's; negative where the target is easier than the baseline |
| ``exponent``, δ | none |

The gap closes where δ < 0, whatever its sign. Two power laws of one β and different irreducible errors have such a
difference but for a constant; two of different β do not, and a difference that changes its sign can not be told here.
The predictor is F / F_ref. Differences may be negative: the error is linear.

Source: the form beside the ratio of Held et al., arXiv 2510.24626; equal irreducible errors cancel in it.
"""

import numpy as np

from relscale.laws.grid import profiled
from relscale.laws.law import Array, Law, Parameter

EXPONENTS = np.array([-1.5, -0.8, -0.4, -0.2, -0.1, -0.03, 0.03, 0.1, 0.2, 0.4, 0.8, 1.5])


def value(theta: Array, x: Array) -> Array:
    """Δ, (n, ...), of Δ_ref, δ (2, ...) at F / F_ref (1, n, ...)."""
    level, exponent = theta
    return np.asarray(level * np.exp(exponent * np.log(x[0])))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of Δ by Δ_ref, δ, (2, n, ...)."""
    level, exponent = theta
    log_f = np.log(x[0])
    factor = np.exp(exponent * log_f)
    return np.stack([factor, level * factor * log_f])


def starts(x: Array, y: Array) -> Array:
    """The best of a grid of exponents, each with its least-squares level."""
    columns = np.exp(EXPONENTS[:, None] * np.log(x[0]))[..., None]
    (level,), best = profiled(columns, y, signed=(0,))
    return np.stack([level, EXPONENTS[best]], axis=1)


LAW = Law(
    name="difference",
    predictors=("training_flops",),
    parameters=(
        Parameter("difference_at_reference", "that of the metric"),
        Parameter("exponent", "none", low=-5, high=5),
    ),
    value=value,
    jacobian=jacobian,
    starts=starts,
    identifiable=("difference_at_reference", "exponent"),
    source="beside the ratio of Held et al., arXiv 2510.24626",
    linear=("difference_at_reference",),
    reference=True,
)
