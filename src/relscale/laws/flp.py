"""Two stages from compute to performance: FLOPs to loss by a power law, loss to performance by a straight line.

    L(F) = L_ref · (F / F_ref)^(−β)            through converged small models
    P(L) = intercept + slope · L               over checkpoints that are above chance

    P(F) = intercept + slope · L_ref · (F / F_ref)^(−β)

| parameter | unit |
|---|---|
| ``loss_at_reference``, L_ref | the loss's |
| ``beta``, β | none |
| ``intercept`` | the performance's |
| ``slope`` | the performance's a unit of loss |

Each stage has its own data: many checkpoints say how performance follows loss, few converged models how loss follows
compute. From P alone slope and L_ref can not be told apart, so the stages are estimated one after the other; the
intervals must resample both (``relscale.fitting.law_fits``).

Source: Chen et al., *Scaling Laws for Predicting Downstream Performance in LLMs*, arXiv 2410.08527, equations 1 and 2.
"""

import numpy as np

from relscale.laws.grid import profiled
from relscale.laws.law import Array, Law, Parameter

BETAS = np.array([-0.1, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4])


def loss_value(theta: Array, x: Array) -> Array:
    """L, (n, ...), of L_ref, β (2, ...) at F / F_ref (1, n, ...)."""
    level, beta = theta
    return np.asarray(level * np.exp(-beta * np.log(x[0])))


def loss_jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by L_ref, β, (2, n, ...)."""
    level, beta = theta
    log_f = np.log(x[0])
    left = np.exp(-beta * log_f)
    return np.stack([left, -level * left * log_f])


def loss_starts(x: Array, y: Array) -> Array:
    """The best of a grid of β, each with its least-squares level."""
    (level,), best = profiled(np.exp(-BETAS[:, None] * np.log(x[0]))[..., None], y, count=3)
    return np.stack([level, BETAS[best]], axis=1)


def value(theta: Array, x: Array) -> Array:
    """P, (n, ...), of intercept, slope (2, ...) at L (1, n, ...)."""
    intercept, slope = theta
    return np.asarray(intercept + slope * x[0])


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of P by intercept, slope, (2, n, ...)."""
    rows = np.ones_like(theta[0] * x[0]), x[0]
    return np.stack(np.broadcast_arrays(*rows))


def starts(x: Array, y: Array) -> Array:
    """The least-squares line, which is the optimum for squares."""
    columns = np.stack([np.ones_like(x[0]), x[0]], axis=-1)[None]
    (intercept, slope), _ = profiled(columns, y, signed=(0, 1))
    return np.stack([intercept, slope], axis=1)


LOSS = Law(
    name="flp_loss",
    predictors=("training_flops",),
    parameters=(
        Parameter("loss_at_reference", "that of the loss", low=0, log=True),
        Parameter("beta", "none", low=-5, high=5),
    ),
    value=loss_value,
    jacobian=loss_jacobian,
    starts=loss_starts,
    identifiable=("loss_at_reference", "beta"),
    source="Chen et al., arXiv 2410.08527, equation 1",
    linear=("loss_at_reference",),
    reference=True,
)

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
    source="Chen et al., arXiv 2410.08527, equation 2",
    linear=("intercept", "slope"),
)
