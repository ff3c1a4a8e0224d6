"""Parametric loss surface: power laws of parameters and tokens above an irreducible loss.

    L(N, D) = E + A · N^(−α) + B · D^(−β)

N are parameters, D training tokens.

Source: Hoffmann et al., *Training Compute-Optimal Large Language Models*, arXiv 2203.15556, section 3.3 (approach 3),
equation 2; Huber loss of the logarithms, equation 3.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws.law import Array, Law, Parameter
from relscale.laws.optimum import Optimum, compute
from relscale.laws.profile import best_grid_points


def value(theta: Array, x: Array) -> Array:
    """L(N, D), (n, ...), of E, A, B, α, β (5, ...) at N, D (2, n, ...)."""
    E, A, B, alpha, beta = theta
    log_n, log_d = np.log(x)
    surface: Array = E + np.exp(np.log(A) - alpha * log_n) + np.exp(np.log(B) - beta * log_d)
    return surface


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by E, A, B, α, β, (5, n, ...)."""
    _, A, B, alpha, beta = theta
    log_n, log_d = np.log(x)
    by_a = np.exp(-alpha * log_n)
    result = np.empty((5, *by_a.shape))
    result[0], result[1] = 1.0, by_a
    np.exp(-beta * log_d, out=result[2])
    np.multiply(-A * log_n, by_a, out=result[3])
    np.multiply(-B * log_d, result[2], out=result[4])
    return result


def positive_terms(g: Array, z: Array) -> Array:
    """The terms of E, A and B, (3, n, ...), of α, β (2, ...) at ln N, ln D (2, n, ...)."""
    param_term, token_term = np.exp(-g[0] * z[0]), np.exp(-g[1] * z[1])
    return np.stack([np.ones_like(param_term), param_term, token_term])


def starts(x: Array, y: Array) -> Array:
    """The best of a grid of exponents, each with its least-squares E, A and B."""
    exponents = np.array([0.08, 0.2, 0.35, 0.55, 0.9, 1.4])
    alpha, beta = (grid.ravel() for grid in np.meshgrid(exponents, exponents))
    scale = np.exp(
        np.log(x).mean(axis=1)
    )  # solved relative to the geometric mean of the data, where the terms have similar sizes
    n, d = x / scale[:, None]
    columns = np.stack([np.ones((len(alpha), len(y))), n ** -alpha[:, None], d ** -beta[:, None]], axis=-1)
    (E, A, B), best = best_grid_points(columns, y)
    alpha, beta = alpha[best], beta[best]
    return np.stack([E, A * scale[0] ** alpha, B * scale[1] ** beta, alpha, beta], axis=1)


LAW = Law(
    name="parametric",
    predictors=("params", "tokens"),
    parameters=(
        Parameter("E", "unit of the loss", "the irreducible loss", low=0),
        Parameter("A", "unit of the loss", "the amplitude of the parameter term, at N = 1", low=0, log=True),
        Parameter("B", "unit of the loss", "the amplitude of the token term, at D = 1", low=0, log=True),
        Parameter("alpha", "none", "the exponent of the parameters", low=0, high=5),
        Parameter("beta", "none", "the exponent of the tokens", low=0, high=5),
    ),
    value=value,
    jacobian=jacobian,
    starts=starts,
    source="Hoffmann et al., arXiv 2203.15556, equation 2",
    formula="L = E + A · N^(−α) + B · D^(−β)",
    traps="If N and D vary along one allocation only, A, B, α, β are not identified; A and B refer to one "
    "parameter and one token.",
    linear=("E", "A", "B"),
)


def compute_optimal(theta: Array, flops: float) -> tuple[float, float]:
    """The parameters and tokens of the lowest loss for ``6·N·D`` FLOPs, of E, A, B, α, β (5,)."""
    _, a, b, alpha, beta = theta[:5]
    params = float((alpha * a / (beta * b) * (flops / 6) ** beta) ** (1 / (alpha + beta)))
    return params, flops / 6 / params


def _optimum(theta: Array, fixed: Mapping[str, float]) -> dict[str, float]:
    params, tokens = compute_optimal(theta, fixed["training_flops"])
    return {
        "params": params,
        "tokens": tokens,
        "loss": float(value(theta, np.array([[params], [tokens]]))[0]),
    }


OPTIMUM = Optimum({"training_flops": "compute, 6·N·D"}, _optimum, derived=compute)
