"""Parallel streams: P forward passes of one model are equivalent to more parameters.

    L = E + A · (N · (1 + k · ln P))^−α

Source: Chen et al., *Parallel Scaling Law for Language Models*, arXiv 2505.10475, equation 5.
"""

import numpy as np

from relscale.extrapolation.candidate import Candidate
from relscale.extrapolation.form import Form, forecast
from relscale.extrapolation.table import Table
from relscale.laws.law import Array


def _terms(g: Array, x: Array) -> Array:
    n, p = x
    return np.stack([np.ones_like(n), (n / 1e9 * (1 + g[0] * np.log(p))) ** -g[1]], axis=1)


FORM = Form(
    "parallel streams",
    "arXiv 2505.10475",
    ("params", "streams"),
    (0.0, 0.02),
    (3.0, 1.5),
    _terms,
    positive=True,
)


def candidates(known: Table) -> list[Candidate]:
    """Candidates for parameters and streams."""
    if not {"params", "streams"} <= set(known.names):
        return []
    return [Candidate(FORM.name, forecast(FORM)), Candidate(f"{FORM.name}, Huber", forecast(FORM, 1e-3))]
