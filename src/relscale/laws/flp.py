"""Two stages from compute to performance: FLOPs to loss by a power law, loss to performance by a straight line.

    L(F) = L_ref · (F / F_ref)^(−β)            through converged small models (``relscale.laws.power``)
    P(L) = intercept + slope · L               over checkpoints that are above chance; the law of this file

    P(F) = intercept + slope · L_ref · (F / F_ref)^(−β)

| parameter | unit |
|---|---|
| ``intercept`` | the performance's |
| ``slope`` | the performance's a unit of loss |

Each stage has its own data: many checkpoints say how performance follows loss, few converged models how loss follows
compute. From P alone slope and L_ref can not be told apart, so the stages are fitted one after the other, and a
forecast takes its loss from the first (``predictor_from`` of ``relscale.fitting.estimation.law_fits``), draw by draw.

Source: Chen et al., *Scaling Laws for Predicting Downstream Performance in LLMs*, arXiv 2410.08527, equations 1 and 2.
"""

import numpy as np

from relscale.laws.grid import profiled
from relscale.laws.law import Array, Law, Parameter


def value(theta: Array, x: Array) -> Array:
    """P, (n, ...), of intercept, slope (2, ...) at L (1, n, ...)."""
    intercept, slope = theta
    return np.asarray(intercept + slope * x[0])


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of P by intercept, slope, (2, n, ...)."""
    rows = np.ones_like(theta[0] * x[0]), x[0]
    return np.stack(np.broadcast_arrays(*rows))


def starts(x: Array, y: Array) -> Array:
    """The least-squares line."""
    columns = np.stack([np.ones_like(x[0]), x[0]], axis=-1)[None]
    (intercept, slope), _ = profiled(columns, y, signed=(0, 1))
    return np.stack([intercept, slope], axis=1)


LAW = Law(
    name="flp",
    predictors=("loss",),
    parameters=(
        Parameter("intercept", "that of the performance"),
        Parameter("slope", "that of the performance a loss"),
    ),
    value=value,
    jacobian=jacobian,
    starts=starts,
    identifiable=("intercept", "slope"),
    source="Chen et al., arXiv 2410.08527, equations 1 and 2",
    linear=("intercept", "slope"),
)
