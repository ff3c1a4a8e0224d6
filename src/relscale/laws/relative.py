"""Relative power law: how the gap between two test distributions moves with training compute.

    G(F) = E_t(F) / E_b(F) = γ · F^Δβ = G_ref · (F / F_ref)^Δβ,    Δβ = β_b − β_t

t is the target group and b its baseline, both with a power law of their own. The sign of Δβ alone says nothing: the gap
closes where ``Δβ · ln G(F) < 0`` (``relscale.fitting.inference.direction``).

Linear in the logarithms, so least squares of these has a closed form and no starting points
(``relscale.fitting.inference.log_log_lines``), ``LINE``; ``LAW`` is the same law for other losses and residuals too.

``BY_SIZE`` has parameters N in place of compute, for two optimizers that trained equal models on equal tokens:

    G(N) = E_t(N, D) / E_b(N, D) = G_ref · (N / N_ref)^exponent

Source: Held, Hall, Liang and Yang, *Relative Scaling Laws for LLMs*, arXiv 2510.24626.
"""

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.loglog import LogLogLaw
from relscale.laws.separable import separable

LINE = LogLogLaw(name="relative_power_law", level="ratio_at_reference", slope="delta_beta", sign=1)
BY_SIZE = LogLogLaw(name="relative_power_law_of_params", level="ratio_at_reference", slope="exponent", sign=1)
DELTA_BETAS = np.array([-0.4, -0.2, -0.1, -0.05, -0.02, 0.02, 0.05, 0.1, 0.2, 0.4])


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of G by G_ref, Δβ, (2, n, ...)."""
    level, delta_beta = theta
    log_f = np.log(x[0])
    factor = np.exp(delta_beta * log_f)
    return np.stack([factor, level * factor * log_f])


def terms(g: Array, z: Array) -> Array:
    """What G_ref is multiplied with, (1, n, ...), of Δβ (1, ...) at ln F / F_ref (1, n, ...)."""
    return np.asarray(np.exp(g[0] * z[0])[None])


LAW = separable(
    name="relative",
    predictors=("training_flops",),
    parameters=(
        Parameter(
            "ratio_at_reference",
            "none",
            "the ratio at the reference; 1 means equal errors",
            low=0,
            log=True,
        ),
        Parameter("delta_beta", "none", "β of the baseline less β of the target", low=-5, high=5),
    ),
    jacobian=jacobian,
    source="Held et al., arXiv 2510.24626",
    formula="G = G_ref · (F / F_ref)^Δβ",
    traps="The sign of Δβ alone says nothing: the gap closes where Δβ · ln G < 0.",
    linear=("ratio_at_reference",),
    terms=terms,
    grid=lambda z: DELTA_BETAS[None],
    count=3,
    reference=True,
    line=LINE,
    gap="ratio",
)
