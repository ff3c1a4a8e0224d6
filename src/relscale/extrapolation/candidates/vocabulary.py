"""Vocabulary: the loss surface's coefficients are polynomials of ln V.

    L = Σ_{i ≤ d} (ln V)^i · (a_i + b_i X + c_i Y + d_i X·Y),    X = N^−α,    Y = (1 + C / (c · N^κ))^−β

N are non-vocabulary parameters, C characters, V entries. The anchored candidate adds the mean residual of the
vocabularies nearest to the target's at the same N. Tao et al. (arXiv 2407.13623) use a power of V's parameters instead
of the polynomial.
"""

from functools import partial

import numpy as np

from relscale.extrapolation.candidate import Candidate
from relscale.extrapolation.form import Form, forecast
from relscale.extrapolation.table import Table
from relscale.laws import vocabulary
from relscale.laws.law import Array

PREDICTORS = ("params", "vocabulary", "characters")


def _polynomial(degree: int, g: Array, x: Array) -> Array:
    n, v, c = np.log(x) - np.log(np.array([2e8, 2e4, 1e10]))[:, None]
    alpha, beta, kappa, scale = g
    X, Y = np.exp(-alpha * n), np.exp(-beta * np.logaddexp(0, c - scale - kappa * n))
    return np.stack(
        [v**i * term for i in range(degree + 1) for term in (np.ones_like(n), X, Y, X * Y)], axis=1
    )


def _powers(g: Array, x: Array) -> Array:
    n, v, c = np.log(x) - np.log(np.array([2e8, 2e4, 1e10]))[:, None]
    return vocabulary.terms(g, np.stack([n, v, c])).T


FORMS = (
    *(
        Form(
            f"vocabulary, degree {degree}",
            "arXiv 2407.13623",
            PREDICTORS,
            (0.05, 0.2, -1.0, -6.0),
            (1.0, 3.0, 1.0, 2.0),
            partial(_polynomial, degree),
            per_group=False,
            anchor=("vocabulary", "params"),
            starts=32,
        )
        for degree in (1, 2)
    ),
    Form(
        "vocabulary, powers",
        "arXiv 2407.13623",
        PREDICTORS,
        (0.02, 0.02, 0.02),
        (1.5, 1.5, 1.5),
        _powers,
        per_group=False,
        anchor=("vocabulary", "params"),
        starts=32,
    ),
)


def candidates(known: Table) -> list[Candidate]:
    """Candidates for parameters, vocabulary and characters."""
    if not set(PREDICTORS) <= set(known.names):
        return []
    return [
        Candidate(f"{form.name}{', anchored' if near else ''}", forecast(form, anchored=near))
        for form in FORMS
        for near in (False, True)
    ]
