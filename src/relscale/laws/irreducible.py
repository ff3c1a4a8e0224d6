"""Power law with irreducible error: the reducible error falls as a power of compute towards a floor.

    E(F) = E_∞ + (E_ref − E_∞) · (F / F_ref)^(−β)

The predictor is F / F_ref with F_ref inside the data, where the level is well determined, unlike at one FLOP. β and
E_∞ are distinguished only by the curvature of log E over log F; data over a decade or two rarely show it, and the
intervals are then wide. With E_∞ > E_ref the error rises and saturates.

Source: Henighan et al., *Scaling Laws for Autoregressive Generative Modeling*, arXiv 2010.14701, equation 1.1.
"""

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.separable import separable

BETAS = np.array([0.01, 0.03, 0.06, 0.1, 0.15, 0.22, 0.32, 0.5, 0.8, 1.3, 2.0])


def value(theta: Array, x: Array) -> Array:
    """E, (n, ...), of E_ref, β, E_∞ (3, ...) at F / F_ref (1, n, ...)."""
    level, beta, irreducible = theta
    return np.asarray(irreducible + (level - irreducible) * np.exp(-beta * np.log(x[0])))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of E by E_ref, β, E_∞, (3, n, ...)."""
    level, beta, irreducible = theta
    log_f = np.log(x[0])
    power = np.exp(-beta * log_f)
    return np.stack([power, (irreducible - level) * power * log_f, 1 - power])


def terms(g: Array, z: Array) -> Array:
    """The terms of E_ref and E_∞, (2, n, ...), of β (1, ...) at ln F / F_ref (1, n, ...)."""
    power = np.exp(-g[0] * z[0])
    return np.stack([power, 1 - power])


def positive_terms(g: Array, z: Array) -> Array:
    """The terms of E_∞ and A, (2, n, ...), of ``E_∞ + A · F^(−β)``, for an error that falls."""
    power = np.exp(-g[0] * z[0])
    return np.stack([np.ones_like(power), power])


LAW = separable(
    name="irreducible",
    predictors=("training_flops",),
    parameters=(
        Parameter(
            "error_at_reference", "unit of the metric", "the error at the reference compute", low=0, log=True
        ),
        Parameter("beta", "none", "the exponent of the reducible error", low=0, high=5),
        Parameter("irreducible", "unit of the metric", "the error at unlimited compute", low=0),
    ),
    value=value,
    jacobian=jacobian,
    source="Henighan et al., arXiv 2010.14701, equation 1.1",
    formula="E = E_∞ + (E_ref − E_∞) · (F / F_ref)^(−β)",
    traps="β and E_∞ are identified only by the curvature of log E over log F, which a decade or two rarely show.",
    linear=("error_at_reference", "irreducible"),
    terms=terms,
    grid=lambda z: BETAS[None],
    reference=True,
)
