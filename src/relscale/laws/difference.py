"""Relative law as a difference: the gap between two test distributions, in the metric's unit, as a power of compute.

    Δ(F) = E_t(F) − E_b(F) = Δ_ref · (F / F_ref)^δ

The gap closes if δ < 0, whatever the sign of Δ. The difference of two power laws with equal β has this form, up to the
difference of their irreducible errors; with different β it has not. The law cannot represent a difference that changes
its sign. The predictor is F / F_ref. Differences may be negative, so residuals are linear.

Source: the difference form of the ratio of Held et al., arXiv 2510.24626; equal irreducible errors cancel in it.
"""

import numpy as np

from relscale.laws.law import Parameter
from relscale.laws.power_of_compute import power_of_compute

LAW = power_of_compute(
    "difference",
    Parameter("difference_at_reference", "unit of the metric", "the difference at the reference compute"),
    Parameter("exponent", "none", "the gap closes if it is negative", low=-5, high=5),
    np.array([-1.5, -0.8, -0.4, -0.2, -0.1, -0.03, 0.03, 0.1, 0.2, 0.4, 0.8, 1.5]),
    source="difference form of the ratio of Held et al., arXiv 2510.24626",
    formula="Δ = Δ_ref · (F / F_ref)^δ",
    traps="The law cannot represent a difference that changes its sign.",
    gap="difference",
)
