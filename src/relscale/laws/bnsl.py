"""Smoothly broken power law: straight pieces in the logarithms, joined by smooth breaks.

    y = a + b · x^(−c0) · Π_i (1 + (x / d_i)^(1 / f_i))^(−c_i · f_i)

The predictor is F / F_ref. Identifiable if the data cover both sides of every break.

Source: Caballero et al., *Broken Neural Scaling Laws*, arXiv 2210.14891, equation 1.
"""

from functools import partial

import numpy as np

from relscale.errors import RelscaleError
from relscale.laws.broken_line import log_shape, starts
from relscale.laws.law import Array, Law, Parameter

# Bounds of a width, in ranges of ln x; a break may be as far outside the data as the larger.
NARROWEST, WIDEST = 1e-3, 2.0


def value(theta: Array, x: Array) -> Array:
    """y, (n, ...), of a, b, c0, then c_i, d_i, f_i, at x (1, n, ...)."""
    a, b, c0 = theta[:3]
    return np.asarray(a + b * np.exp(log_shape(c0, _in_logs(theta[3:]), np.log(x[0]))))


def positive_terms(g: Array, z: Array) -> Array:
    """The terms of a and b, (2, n, ...), of c0, then c_i, ln d_i, f_i, at ln x (1, n, ...)."""
    shape = np.exp(log_shape(g[0], g[1:], z[0]))
    return np.stack([np.ones_like(shape), shape])


def _in_logs(breaks: Array) -> list[Array]:
    """c_i, ln d_i, f_i of c_i, d_i, f_i."""
    return [np.log(value) if i % 3 == 1 else value for i, value in enumerate(breaks)]


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of y by the parameters, in their order, (q, n, ...)."""
    from scipy.special import expit

    _, b, c0 = theta[:3]
    log_x = np.log(x[0])
    shape = np.exp(log_shape(c0, _in_logs(theta[3:]), log_x))
    scaled = b * shape
    rows = [np.ones_like(scaled), shape, -scaled * log_x]
    for c, d, f in zip(*[iter(theta[3:])] * 3, strict=True):
        z = (log_x - np.log(d)) / f
        softplus, share = np.logaddexp(0.0, z), expit(z)
        rows += [-scaled * f * softplus, scaled * c * share / d, scaled * c * (share * z - softplus)]
    return np.stack(np.broadcast_arrays(*rows))


def limits(x: Array, y: Array, breaks: int) -> tuple[Array, Array]:
    """Bounds of the breaks: those far outside the data, or far narrower than their spacing, are not identifiable."""
    log_x = np.log(x[0])
    low, high = float(log_x.min()), float(log_x.max())
    spread = max(high - low, 1e-9)
    outside = WIDEST * spread
    least = [-np.inf] * 3 + [-np.inf, np.exp(low - outside), NARROWEST * spread] * breaks
    most = [np.inf] * 3 + [np.inf, np.exp(high + outside), WIDEST * spread] * breaks
    return np.array(least), np.array(most)


def bnsl(breaks: int) -> Law:
    """The law with that many breaks."""
    parameters = [
        Parameter("a", "unit of the metric", "the limit at large x", low=0),
        Parameter("b", "unit of the metric", "the amplitude, at x = 1", low=0, log=True),
        Parameter("c0", "none", "the exponent before the first break", low=-5, high=5),
    ]
    for i in range(1, breaks + 1):
        parameters += [
            Parameter(f"c{i}", "none", f"the change of the exponent at break {i}", low=-10, high=10),
            Parameter(f"d{i}", "unit of x", f"the position of break {i}", low=0, log=True),
            Parameter(f"f{i}", "none", f"the width of break {i}, in ln x", low=0, log=True),
        ]
    return Law(
        name="bnsl",
        predictors=("training_flops",),
        parameters=tuple(parameters),
        value=value,
        jacobian=jacobian,
        starts=partial(starts, breaks=breaks),
        source="Caballero et al., arXiv 2210.14891, equation 1",
        formula="y = a + b · x^(−c0) · Π (1 + (x / d_i)^(1 / f_i))^(−c_i · f_i)",
        traps="A break at the end of the data, or wider than their range, is not identified; a few points fit "
        "any curve.",
        linear=("a", "b"),
        projects=True,
        limits=partial(limits, breaks=breaks),
        reference=True,
    )


def with_options(breaks: str = "1") -> Law:
    """The law with a number of breaks.

    Raises
    ------
    RelscaleError
        ``breaks`` is not a number from 1 to 5.
    """
    if breaks not in ("1", "2", "3", "4", "5"):
        raise RelscaleError(f"law bnsl: breaks is {breaks!r}, not a number from 1 to 5")
    return bnsl(int(breaks))


LAW = bnsl(breaks=1)
