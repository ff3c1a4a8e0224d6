"""Compute-optimal allocation: optimal tokens and parameters as powers of compute.

    D*(F) = D_ref · (F / F_ref)^b,    N*(F) = N_ref · (F / F_ref)^a

| parameter | unit |
|---|---|
| ``tokens_at_reference``, D_ref | tokens |
| ``params_at_reference``, N_ref | parameters |
| ``exponent``, b or a | none |

Source: Hoffmann et al., *Training Compute-Optimal Large Language Models*, arXiv 2203.15556, section 3.2 (approach 2).
"""

from relscale.laws.loglog import LogLogLaw

TOKENS = LogLogLaw(name="compute_optimal_tokens", level="tokens_at_reference", slope="exponent", sign=1)
PARAMS = LogLogLaw(name="compute_optimal_params", level="params_at_reference", slope="exponent", sign=1)
