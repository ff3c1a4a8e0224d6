"""Power law: along the compute-optimal frontier a group's error falls as a power of training compute.

    E(F) = α · F^(−β) = E_ref · (F / F_ref)^(−β)

| parameter | unit |
|---|---|
| ``error_at_reference``, E_ref | the metric's: bits per byte, nats a token, a share |
| ``beta``, β | none; 0.05 means that ten times the compute leaves 10^−0.05 = 89% of the error |

Linear in the logarithms, so least squares of these has a closed form and no starting points
(``relscale.fitting.inference.log_log_lines``); ``LAW`` is the same law for other losses and errors.

Source: Kaplan et al., *Scaling Laws for Neural Language Models*, arXiv 2001.08361, section 1.2, for the loss; Held et
al., arXiv 2510.24626, for each group's error.
"""

import numpy as np

from relscale.laws.grid import profiled
from relscale.laws.law import Array, Law, Parameter
from relscale.laws.loglog import LogLogLaw

LINE = LogLogLaw(name="power_law", level="error_at_reference", slope="beta", sign=-1)
BETAS = np.array([-0.1, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4, 0.8])


def value(theta: Array, x: Array) -> Array:
    """E, (n, ...), of E_ref, β (2, ...) at F / F_ref (1, n, ...)."""
    level, beta = theta
    return np.asarray(level * np.exp(-beta * np.log(x[0])))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of E by E_ref, β, (2, n, ...)."""
    level, beta = theta
    log_f = np.log(x[0])
    left = np.exp(-beta * log_f)
    return np.stack([left, -level * left * log_f])


def starts(x: Array, y: Array) -> Array:
    """The best of a grid of β, each with its least-squares level."""
    (level,), best = profiled(np.exp(-BETAS[:, None] * np.log(x[0]))[..., None], y, count=3)
    return np.stack([level, BETAS[best]], axis=1)


LAW = Law(
    name="power",
    predictors=("training_flops",),
    parameters=(
        Parameter("error_at_reference", "that of the metric", low=0, log=True),
        Parameter("beta", "none", low=-5, high=5),
    ),
    value=value,
    jacobian=jacobian,
    starts=starts,
    identifiable=("error_at_reference", "beta"),
    source="Kaplan et al., arXiv 2001.08361, section 1.2",
    linear=("error_at_reference",),
    reference=True,
)
