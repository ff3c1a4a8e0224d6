"""Relative law: the ratio of the errors on two test distributions as a power of training compute.

    G(F) = E_t(F) / E_b(F) = γ · F^Δβ = G_ref · (F / F_ref)^Δβ,    Δβ = β_b − β_t

t is the target group and b its baseline; the error of each is a power law. The sign of Δβ alone does not give the
direction: the gap closes if ``Δβ · ln G(F) < 0`` (``relscale.fitting.inference.direction``).

Linear in the logarithms, so least squares of these has a closed form and needs no starting points
(``relscale.fitting.inference.log_log_lines``): ``LINE``. ``LAW`` is the same law for other losses and residuals.

``BY_SIZE`` is the same law of the number of parameters N, for two optimizers that trained models of equal size on equal
tokens:

    G(N) = E_t(N, D) / E_b(N, D) = G_ref · (N / N_ref)^exponent

Source: Held, Hall, Liang and Yang, *Relative Scaling Laws for LLMs*, arXiv 2510.24626.
"""

import numpy as np

from relscale.laws.law import Parameter
from relscale.laws.loglog import LogLogLaw
from relscale.laws.power_of_compute import line_of, power_of_compute

LAW = power_of_compute(
    "relative",
    Parameter(
        "ratio_at_reference", "none", "the ratio at the reference; 1 means equal errors", low=0, log=True
    ),
    Parameter("delta_beta", "none", "β of the baseline minus β of the target", low=-5, high=5),
    np.array([-0.4, -0.2, -0.1, -0.05, -0.02, 0.02, 0.05, 0.1, 0.2, 0.4]),
    source="Held et al., arXiv 2510.24626",
    formula="G = G_ref · (F / F_ref)^Δβ",
    traps="The sign of Δβ alone does not give the direction: the gap closes if Δβ · ln G < 0.",
    gap="ratio",
)
LINE = line_of(LAW)
BY_SIZE = LogLogLaw(name="relative_by_size", level="ratio_at_reference", slope="exponent", sign=1)
