"""Power law: along the compute-optimal frontier a group's error falls as a power of training compute.

    E(F) = α · F^(−β) = E_ref · (F / F_ref)^(−β)

| parameter | unit |
|---|---|
| ``error_at_reference``, E_ref | the metric's: bits per byte, nats a token, a share |
| ``beta``, β | none; 0.05 means that ten times the compute leaves 10^−0.05 = 89% of the error |

Linear in the logarithms, so least squares has a closed form and no starting points: ``relscale.fitting.last_stage``.

Source: Kaplan et al., *Scaling Laws for Neural Language Models*, arXiv 2001.08361, section 1.2, for the loss; Held et
al., arXiv 2510.24626, for each group's error.
"""

from relscale.laws.loglog import LogLogLaw

LINE = LogLogLaw(name="power_law", level="error_at_reference", slope="beta", sign=-1)
