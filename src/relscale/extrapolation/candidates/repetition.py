"""Repeated data: the cost of training on the same tokens again.

    L = E + A · N^−α + B · D^−β + C · (N / U)^q · (1 − e^{−(D/U − 1)/R})

N parameters, D training tokens, U unique ones. In the field's units, Muennighoff et al., *Scaling Data-Constrained
Language Models*, arXiv 2305.16264, let repeated tokens and the parameters that they feed decay; their law is the
other candidate:

    L = E + A · N'^−α + B · D'^−β,    D' = U + U · R_D · (1 − e^{−(D/U − 1)/R_D}),    N' the same of U_N, R_N
"""

import numpy as np

from relscale.extrapolation.candidate import Candidate
from relscale.extrapolation.form import Form, forecast
from relscale.extrapolation.table import Table
from relscale.laws.law import Array

PREDICTORS = ("params", "tokens", "unique_tokens")
UNITS = np.array([5e8, 2e10, 2e10])[:, None]


def _added(g: Array, x: Array) -> Array:
    n, d, u = x / UNITS
    alpha, beta, q, r = g
    epochs = np.maximum(d / u - 1, 0)
    return np.stack(
        [np.ones_like(n), n**-alpha, d**-beta, (n / u) ** q * -np.expm1(-epochs / np.exp(r))], axis=1
    )


def _decaying(g: Array, x: Array) -> Array:
    n, d, u = x / UNITS
    alpha, beta, r_d, r_n, scale = g
    epochs = np.maximum(d / u - 1, 0)
    tokens = u * (1 + np.exp(r_d) * -np.expm1(-epochs / np.exp(r_d)))
    fed = np.minimum(n, np.exp(scale) * u ** (beta / alpha))  # U_N: optimal parameters for the unique tokens
    excess = np.maximum(n / fed - 1, 0)
    params = fed * (1 + np.exp(r_n) * -np.expm1(-excess / np.exp(r_n)))
    return np.stack([np.ones_like(n), params**-alpha, tokens**-beta], axis=1)


FORMS = (
    Form(
        "repetition, added",
        "arXiv 2305.16264",
        PREDICTORS,
        (0.05, 0.05, 0.0, 0.0),
        (1.2, 1.2, 2.0, 6.0),
        _added,
        positive=True,
        per_group=False,
        anchor=("params", "tokens"),
    ),
    Form(
        "repetition, decaying",
        "arXiv 2305.16264",
        PREDICTORS,
        (0.05, 0.05, 0.0, 0.0, -2.0),
        (1.2, 1.2, 6.0, 6.0, 3.0),
        _decaying,
        positive=True,
        per_group=False,
        anchor=("params", "tokens"),
    ),
)


def candidates(known: Table) -> list[Candidate]:
    """Candidates for parameters, tokens and unique tokens."""
    if not set(PREDICTORS) <= set(known.names):
        return []
    return [
        Candidate(f"{form.name}, {loss}", forecast(form, delta))
        for form in FORMS
        for loss, delta in (("squares", None), ("Huber", 5e-3))
    ]
