"""Mixture of experts: a power law of the dense parameters and of the number of experts, with an interaction.

    L = exp(d + a · ν + b · ln X + f · ν · ln X) + c,    ν = ln(N / 10⁸)

N are dense parameters, X experts. X experts are equivalent to a dense model of N · X^((b + f · ν) / a) parameters; if f
is positive, experts help less in larger models.

Source: Clark et al., *Unified Scaling Laws for Routed Language Models*, arXiv 2202.01169, equation 7, which has no
floor (``--fix c=0``); the floor replaces their saturation.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws.law import Array, Law, Parameter
from relscale.laws.linear_terms import least_squares
from relscale.laws.optimum import Optimum

SIZE = 1e8
FLOORS = np.array([0.0, 0.4, 0.6, 0.75, 0.85, 0.93])  # c, as shares of the lowest loss


def powers(log_n: Array, log_x: Array, degree: int = 1) -> list[Array]:
    """The terms of ln(L − c): 1, ln N, ln N · ln X, and the powers of ln X up to a degree."""
    return [np.ones_like(log_n), log_n, log_n * log_x, *(log_x**i for i in range(1, degree + 1))]


def _columns(x: Array) -> Array:
    """The terms of d, a, f and b, (4, n, ...)."""
    log_n = np.log(x[0] / SIZE)
    return np.stack(powers(log_n, np.log(x[1])))


def _reducible_loss(theta: Array, x: Array) -> Array:
    d, a, b, f = theta[:4]
    ones, n, interaction, e = _columns(x)
    return np.asarray(np.exp(d * ones + a * n + b * e + f * interaction))


def value(theta: Array, x: Array) -> Array:
    """L, (n, ...), of d, a, b, f, c (5, ...) at N, X (2, n, ...)."""
    return np.asarray(_reducible_loss(theta, x) + theta[4])


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by d, a, b, f, c, (5, n, ...)."""
    y = _reducible_loss(theta, x)
    ones, n, interaction, e = _columns(x)
    return np.stack(np.broadcast_arrays(y * ones, y * n, y * e, y * interaction, np.ones_like(y)))


def starts(x: Array, y: Array) -> Array:
    """Several floors, each with the least-squares solution in ln(L − c)."""
    columns, points, misfits = _columns(x), [], []
    for floor in (
        FLOORS * y.min() if y.min() > 0 else y.min() - np.geomspace(0.1, 10, 6) * max(np.ptp(y), 1e-300)
    ):
        root = (y - floor) / np.abs(y).max()
        d, a, f, b = least_squares((columns * root).T, np.log(y - floor) * root)
        points.append([d, a, b, f, floor])
        misfits.append(float(((value(np.array(points[-1]), x) - y) ** 2).sum()))
    return np.array(points)[np.argsort(misfits)[:4]]


LAW = Law(
    name="experts",
    predictors=("params", "experts"),
    parameters=(
        Parameter("d", "ln of the unit of the loss", "ln (L − c) of one expert of 10⁸ parameters"),
        Parameter("a", "none", "the exponent of the parameters, negative", low=-5, high=0),
        Parameter("b", "none", "the exponent of the experts at 10⁸ parameters", low=-5, high=5),
        Parameter("f", "none", "the change of b per factor e of the parameters", low=-2, high=2),
        Parameter("c", "unit of the loss", "the irreducible loss", low=0),
    ),
    value=value,
    jacobian=jacobian,
    starts=starts,
    source="Clark et al., arXiv 2202.01169, equation 7",
    formula="L = exp(d + a · ν + b · ln X + f · ν · ln X) + c, ν = ln(N / 10⁸)",
    traps="N is the number of active parameters per token. Fit each router separately (--group). Beyond the "
    "measured numbers of experts the law overestimates the gain, which saturates in the paper. c and a are "
    "correlated over few sizes.",
)


LARGEST = "params up to which experts help"


def _optimum(theta: Array, fixed: Mapping[str, float]) -> dict[str, float]:
    """N at which the exponent of the experts, b + f · ν, changes its sign."""
    _, _, b, f, _ = theta
    return {LARGEST: float(SIZE * np.exp(-b / f)) if f > 0 else np.nan}


OPTIMUM = Optimum(
    {},
    _optimum,
    "Smaller models improve with every further expert, larger ones with none; without an optimum (f ≤ 0) there is no "
    "such size.",
    lambda x: {LARGEST: x[0]},
)
