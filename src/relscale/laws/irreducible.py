"""Power law with irreducible error: what compute can take away falls as a power of it, and something stays.

    E(F) = E_∞ + (E_ref − E_∞) · (F / F_ref)^(−β)

| parameter | unit |
|---|---|
| ``error_at_reference``, E_ref = E(F_ref) | the metric's |
| ``beta``, β | none; of the reducible part, so larger than that of a plain power law |
| ``irreducible``, E_∞ | the metric's |

The predictor is F / F_ref, with F_ref inside the data: there the level is well known, at one FLOP it is not. β and
E_∞ are told apart only by the bend of log E over log F; data over a decade or two rarely show it, and the intervals
then are wide. With E_∞ > E_ref the law is that of an error that rises and saturates.

Source: Henighan et al., *Scaling Laws for Autoregressive Generative Modeling*, arXiv 2010.14701, equation 1.1.
"""

import numpy as np

from relscale.laws.grid import profiled
from relscale.laws.law import Array, Law, Parameter

BETAS = np.array([0.01, 0.03, 0.06, 0.1, 0.15, 0.22, 0.32, 0.5, 0.8, 1.3, 2.0])


def value(theta: Array, x: Array) -> Array:
    """E, (n, ...), of E_ref, β, E_∞ (3, ...) at F / F_ref (1, n, ...)."""
    level, beta, irreducible = theta
    return np.asarray(irreducible + (level - irreducible) * np.exp(-beta * np.log(x[0])))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of E by E_ref, β, E_∞, (3, n, ...)."""
    level, beta, irreducible = theta
    log_f = np.log(x[0])
    left = np.exp(-beta * log_f)
    return np.stack([left, (irreducible - level) * left * log_f, 1 - left])


def starts(x: Array, y: Array) -> Array:
    """The best of a grid of β, each with its least-squares levels."""
    left = np.exp(-BETAS[:, None] * np.log(x[0]))
    (level, irreducible), best = profiled(np.stack([left, 1 - left], axis=-1), y)
    return np.stack([level, BETAS[best], irreducible], axis=1)


LAW = Law(
    name="irreducible",
    predictors=("training_flops",),
    parameters=(
        Parameter("error_at_reference", "that of the metric", low=0, log=True),
        Parameter("beta", "none", low=0, high=5),
        Parameter("irreducible", "that of the metric", low=0),
    ),
    value=value,
    jacobian=jacobian,
    starts=starts,
    identifiable=("error_at_reference", "beta", "irreducible"),
    source="Henighan et al., arXiv 2010.14701, equation 1.1",
    linear=("error_at_reference", "irreducible"),
    reference=True,
)
