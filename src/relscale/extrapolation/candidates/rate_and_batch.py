"""Learning rate and batch on a loss surface: an optimum that moves with parameters and tokens.

    L = E + (N^−a + B · D^−b)^γ + f(u, w),    u = ln η + ν ln N − δ ln D,    w = ln b − κ ln D

f is a polynomial of second, third or fourth degree in u and w, or a sum of powers of the rate and the batch with
positive coefficients: too small a rate, too large a rate, too few steps, too small a batch, and both together.

Sources: Li et al., *Predictable Scale: Step Law*, arXiv 2503.04715, for the moving optimum; Hoffmann et al., arXiv
2203.15556, equation 2, with the outer exponent of Kaplan et al., arXiv 2001.08361, equation 1.5, for the surface.
"""

from functools import partial

import numpy as np

from relscale.extrapolation.candidate import Candidate
from relscale.extrapolation.form import Form, forecast
from relscale.extrapolation.table import Table
from relscale.laws.law import Array
from relscale.laws.rate_and_batch import LIMITS, UNITS, surface

PREDICTORS = ("lr", "batch", "params", "tokens")
LOW, HIGH = zip(*LIMITS, strict=True)
START = (0.4, 0.4, 0.7, 0.8, 0.5, 0.3, 0.6)


def _surface(g: Array, x: Array) -> tuple[Array, Array, Array]:
    """The part of the loss due to N and D, and u and w."""
    return surface(g, np.log(x) - np.log(UNITS)[:, None])


def polynomial(degree: int, g: Array, x: Array) -> Array:
    """The terms with all products of u and w up to that degree."""
    limited, u, w = _surface(g, x)
    products = [u**i * w ** (total - i) for total in range(1, degree + 1) for i in range(total + 1)]
    return np.stack([np.ones_like(u), limited, *products], axis=1)


def powers(g: Array, x: Array) -> Array:
    """The terms with powers of the rate and of the batch."""
    limited, u, w = _surface(g, x)
    s, p, t, r, p2, q, s2, t2 = g[7:]
    exponents = (-s * u, p * u, t * w, -r * w, p2 * u - q * w, -s2 * u + t2 * w)
    return np.stack([np.ones_like(u), limited, *(np.exp(exponent) for exponent in exponents)], axis=1)


FORMS = (
    *(
        Form(
            f"rate and batch, {name}",
            "arXiv 2503.04715",
            PREDICTORS,
            LOW,
            HIGH,
            partial(polynomial, degree),
            start=START,
            per_group=False,
            anchor=("params", "tokens"),
            starts=16,
        )
        for degree, name in ((2, "paraboloid"), (3, "cubic"), (4, "quartic"))
    ),
    Form(
        "rate and batch, powers",
        "arXiv 2503.04715",
        PREDICTORS,
        (*LOW, *[0.1] * 8),
        (*HIGH, *[3.0] * 8),
        powers,
        positive=True,
        start=(*START, 0.7, 0.9, 0.7, 0.8, 1.2, 1.2, 0.7, 0.7),
        per_group=False,
        anchor=("params", "tokens"),
        starts=4,
    ),
)


def candidates(known: Table) -> list[Candidate]:
    """Candidates for a rate, a batch, parameters and tokens."""
    if not set(PREDICTORS) <= set(known.names):
        return []
    return [
        Candidate(
            f"{form.name}{', nearest count' if near else ''}",
            forecast(form, 0.005, 2.0 if near else np.inf, bool(near)),
        )
        for form in FORMS
        for near in (False, True)
    ]
