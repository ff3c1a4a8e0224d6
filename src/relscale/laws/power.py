"""Power law: along the compute-optimal frontier, a group's error falls as a power of training compute.

    E(F) = α · F^(−β) = E_ref · (F / F_ref)^(−β)

Linear in the logarithms, so least squares of these has a closed form and needs no starting points
(``relscale.fitting.inference.log_log_lines``): ``LINE``. ``LAW`` is the same law for other losses and residuals.

Source: Kaplan et al., *Scaling Laws for Neural Language Models*, arXiv 2001.08361, section 1.2, for the loss; Held et
al., arXiv 2510.24626, for the error per group.
"""

import numpy as np

from relscale.laws.law import Parameter
from relscale.laws.power_of_compute import line_of, power_of_compute

LAW = power_of_compute(
    "power",
    Parameter(
        "error_at_reference", "unit of the metric", "the error at the reference compute", low=0, log=True
    ),
    Parameter(
        "beta",
        "none",
        "the exponent: tenfold compute reduces the error to 10^−β of its value",
        low=-5,
        high=5,
    ),
    np.array([-0.1, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4, 0.8]),
    sign=-1,
    source="Kaplan et al., arXiv 2001.08361, section 1.2",
    formula="E = E_ref · (F / F_ref)^(−β)",
    traps="For an error that levels off, β falls with compute: see irreducible.",
)
LINE = line_of(LAW)
