"""Learning rate and batch on a loss surface: a paraboloid whose minimum moves with parameters and tokens.

    L = E + P · (ν^(−a) + B · δ^(−b))^γ + p_1·u + p_2·w + p_11·u² + p_12·u·w + p_22·w²
    ν = N / 4·10⁸,    δ = D / 3·10¹⁰,    u = ln(η / 0.002) + r_N ln ν − r_D ln δ,    w = ln(b / 256) − s_D ln δ

η is the peak learning rate, b the batch in sequences. The best rate is a power of N and D, the best batch one of D.

Sources: Li et al., *Predictable Scale: Step Law*, arXiv 2503.04715, for the moving optimum; Hoffmann et al., arXiv
2203.15556, equation 2, with the outer exponent of Kaplan et al., arXiv 2001.08361, equation 1.5, for the surface.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.optimum import Optimum
from relscale.laws.profile import crossed
from relscale.laws.separable import separable

UNITS = np.array([2e-3, 256, 4e8, 3e10])  # in which the terms have similar sizes
LIMITS = ((0.05, 1.5), (0.05, 1.5), (0.2, 2.0), (0.1, 5.0), (-0.5, 2.0), (-0.5, 1.0), (-0.5, 1.5))
NONLINEAR = ("a", "b", "gamma", "B", "r_N", "r_D", "s_D")
LINEAR = ("E", "P", "p_1", "p_2", "p_11", "p_12", "p_22")
MEANINGS = (
    *("the exponent of the parameters", "the exponent of the tokens", "the outer exponent"),
    *("the weight of the tokens", "the best rate falls as N^−r_N", "the best rate grows as D^r_D"),
    "the best batch grows as D^s_D",
)


def surface(g: Array, z: Array) -> tuple[Array, Array, Array]:
    """The size and token terms, u and w, of a, b, γ, B, r_N, r_D, s_D at ln of η, b, N, D in their units."""
    rate, batch, n, d = z
    scale_term = (np.exp(-g[0] * n) + g[3] * np.exp(-g[1] * d)) ** g[2]
    return scale_term, rate + g[4] * n - g[5] * d, batch - g[6] * d


def coordinates(x: Array) -> Array:
    """ln of η, b, N, D in their units."""
    return np.asarray(np.log(x) - np.log(UNITS).reshape(-1, *[1] * (x.ndim - 1)))


def terms(g: Array, z: Array) -> Array:
    """The terms of E, P and the paraboloid's coefficients, (7, n, ...)."""
    scale_term, u, w = surface(g, z)
    return np.stack(np.broadcast_arrays(np.ones_like(u), scale_term, u, w, u**2, u * w, w**2))


def jacobian(theta: Array, x: Array) -> Array:
    """The derivatives by the parameters in the law's order, (14, n, ...)."""
    size, p_1, p_2, p_11, p_12, p_22 = theta[1:7]
    g, z = theta[7:], coordinates(x)
    _, _, n, d = z
    scale_term, u, w = surface(g, z)
    param_term, token_term = np.exp(-g[0] * n), np.exp(-g[1] * d)
    base = param_term + g[3] * token_term
    by_base = size * g[2] * scale_term / base  # the derivative by the base of the outer power
    by_u, by_w = p_1 + 2 * p_11 * u + p_12 * w, p_2 + p_12 * u + 2 * p_22 * w
    by_nonlinear = (
        *(-by_base * param_term * n, -by_base * g[3] * token_term * d, size * scale_term * np.log(base)),
        *(by_base * token_term, by_u * n, -by_u * d, -by_w * d),
    )
    return np.stack(np.broadcast_arrays(np.ones_like(u), scale_term, u, w, u**2, u * w, w**2, *by_nonlinear))


def grid(z: Array) -> Array:
    """All combinations of a few values of each nonlinear parameter."""
    return crossed(
        *(np.array(axis) for axis in ((0.2, 0.5), (0.2, 0.5), (0.7,), (1.0,), (0.1, 0.5, 0.9), (0.1, 0.35))),
        np.array([0.2, 0.6]),
    )


def best(theta: Array, params: Array, tokens: Array) -> tuple[Array, Array]:
    """The best rate and batch at parameters and tokens, of theta (14,): the minimum of the paraboloid, else nan."""
    _, _, p_1, p_2, p_11, p_12, p_22 = theta[:7]
    hessian = np.array([[2 * p_11, p_12], [p_12, 2 * p_22]])
    if not (np.linalg.eigvalsh(hessian) > 0).all():
        return np.full(np.shape(params), np.nan), np.full(np.shape(params), np.nan)
    u, w = np.linalg.solve(hessian, [-p_1, -p_2])
    n, d = np.log(np.asarray(params) / UNITS[2]), np.log(np.asarray(tokens) / UNITS[3])
    return UNITS[0] * np.exp(u - theta[11] * n + theta[12] * d), UNITS[1] * np.exp(w + theta[13] * d)


LAW = separable(
    name="rate_and_batch",
    predictors=("learning_rate", "batch_sequences", "params", "tokens"),
    parameters=(
        Parameter("E", "unit of the loss", "the level", low=0),
        Parameter("P", "unit of the loss", "the amplitude of the size and token terms", low=0, log=True),
        *(Parameter(name, "unit of the loss", "a coefficient of the paraboloid") for name in LINEAR[2:]),
        *(
            Parameter(name, "none", meaning, low, high)
            for name, meaning, (low, high) in zip(NONLINEAR, MEANINGS, LIMITS, strict=True)
        ),
    ),
    linear=LINEAR,
    signed=("p_1", "p_2", "p_12"),  # so that a starting paraboloid has a minimum
    count=12,  # with six, one data set in a hundred missed its best fit
    terms=terms,
    grid=grid,
    coordinates=coordinates,
    jacobian=jacobian,
    source="Li et al., arXiv 2503.04715",
    formula="L = E + P · (ν^(−a) + B · δ^(−b))^γ + p_1·u + p_2·w + p_11·u² + p_12·u·w + p_22·w²; "
    "ν = N / 4·10⁸, δ = D / 3·10¹⁰, u = ln(η / 0.002) + r_N ln ν − r_D ln δ, w = ln(b / 256) − s_D ln δ",
    traps="The paraboloid is valid only near the best rate: keep runs within about 2% of the lowest loss per size. "
    "Rates and batches are needed on both sides of the optimum, at several sizes and numbers of tokens.",
)


def _optimum(theta: Array, fixed: Mapping[str, float]) -> dict[str, float]:
    rate, batch = best(theta, np.array(fixed["params"]), np.array(fixed["tokens"]))
    return {"learning_rate": float(rate), "batch_sequences": float(batch)}


OPTIMUM = Optimum({"params": "parameters of the model", "tokens": "training tokens"}, _optimum)
