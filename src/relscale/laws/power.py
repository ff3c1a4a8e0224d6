"""Power law: along the compute-optimal frontier, a group's error falls as a power of training compute.

    E(F) = α · F^(−β) = E_ref · (F / F_ref)^(−β)

Linear in the logarithms, so least squares of these has a closed form and no starting points
(``relscale.fitting.inference.log_log_lines``), ``LINE``; ``LAW`` is the same law for other losses and residuals too.

Source: Kaplan et al., *Scaling Laws for Neural Language Models*, arXiv 2001.08361, section 1.2, for the loss; Held et
al., arXiv 2510.24626, for each group's error.
"""

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.loglog import LogLogLaw
from relscale.laws.separable import separable

LINE = LogLogLaw(name="power_law", level="error_at_reference", slope="beta", sign=-1)
BETAS = np.array([-0.1, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4, 0.8])


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of E by E_ref, β, (2, n, ...)."""
    level, beta = theta
    log_f = np.log(x[0])
    left = np.exp(-beta * log_f)
    return np.stack([left, -level * left * log_f])


def terms(g: Array, z: Array) -> Array:
    """What E_ref is multiplied with, (1, n, ...), of β (1, ...) at ln F / F_ref (1, n, ...)."""
    return np.asarray(np.exp(-g[0] * z[0])[None])


LAW = separable(
    name="power",
    predictors=("training_flops",),
    parameters=(
        Parameter(
            "error_at_reference", "unit of the metric", "the error at the reference compute", low=0, log=True
        ),
        Parameter("beta", "none", "ten times the compute leave 10^−β of the error", low=-5, high=5),
    ),
    jacobian=jacobian,
    source="Kaplan et al., arXiv 2001.08361, section 1.2",
    formula="E = E_ref · (F / F_ref)^(−β)",
    traps="An error that levels off has a β that falls with compute: see irreducible.",
    linear=("error_at_reference",),
    terms=terms,
    grid=lambda z: BETAS[None],
    count=3,
    reference=True,
    line=LINE,
)
