"""Relative power law: how the gap between two test distributions moves with training compute.

    G(F) = E_t(F) / E_b(F) = γ · F^Δβ = G_ref · (F / F_ref)^Δβ,    Δβ = β_b − β_t

t is the target group and b its baseline, both with a power law of their own.

| parameter | unit |
|---|---|
| ``ratio_at_reference``, G_ref | none; 1 means equal errors |
| ``delta_beta``, Δβ | none |

The sign of Δβ alone says nothing: the gap closes where ``Δβ · ln G(F) < 0`` (``relscale.fitting.inference.direction``).

``BY_SIZE`` has parameters N in place of compute, for two optimizers that trained equal models on equal tokens:

    G(N) = E_t(N, D) / E_b(N, D) = G_ref · (N / N_ref)^exponent

Source: Held, Hall, Liang and Yang, *Relative Scaling Laws for LLMs*, arXiv 2510.24626.
"""

from relscale.laws.loglog import LogLogLaw

LINE = LogLogLaw(name="relative_power_law", level="ratio_at_reference", slope="delta_beta", sign=1)
BY_SIZE = LogLogLaw(name="relative_power_law_of_params", level="ratio_at_reference", slope="exponent", sign=1)
