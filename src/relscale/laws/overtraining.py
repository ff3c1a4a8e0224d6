"""Over-training law: the loss of models with more tokens per parameter than compute-optimal.

    L(N, M) = α · N^b + β · 6^(b/2) · (M · N)^b + E,    M = D / N tokens per parameter, so that M · N = D

The sum of a power of the parameters and the same power of the tokens: at any M, loss falls with compute C = 6·M·N² as
``C^(b/2)``, so lines of equal M are parallel.

Source: Gadre et al., *Language models scale reliably with over-training and on downstream tasks*, arXiv 2403.08540,
equation 4; least squares of the loss itself. Their η is −b / 2.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.optimum import Optimum, compute
from relscale.laws.separable import separable

EXPONENTS = -np.array([0.04, 0.08, 0.14, 0.2, 0.27, 0.35, 0.45, 0.6, 0.8, 1.1, 1.6])
LOG_6 = np.log(6)


def value(theta: Array, x: Array) -> Array:
    """L, (n, ...), of α, β, b, E (4, ...) at N, D (2, n, ...)."""
    alpha, beta, b, E = theta
    log_n, log_d = np.log(x)
    return np.asarray(np.exp(np.log(alpha) + b * log_n) + np.exp(np.log(beta) + b * (LOG_6 / 2 + log_d)) + E)


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by α, β, b, E, (4, n, ...)."""
    alpha, beta, b, _ = theta
    log_n, log_d = np.log(x)[0], np.log(x)[1] + LOG_6 / 2
    param_term, token_term = np.exp(b * log_n), np.exp(b * log_d)
    by_b = alpha * param_term * log_n + beta * token_term * log_d
    return np.stack([param_term, token_term, by_b, np.ones_like(by_b)])


def terms(g: Array, z: Array) -> Array:
    """The terms of α, β and E, (3, n, ...), of b (1, ...) at ln N, ln √6·D (2, n, ...)."""
    n, d = np.exp(g[0] * z[0]), np.exp(g[0] * z[1])
    return np.stack([n, d, np.ones_like(n)])


def coordinates(x: Array) -> Array:
    """Ln N and ln √6·D, (2, n, ...), of N, D."""
    return np.asarray(np.log(x) + np.array([0.0, LOG_6 / 2]).reshape(2, *[1] * (x.ndim - 1)))


LAW = separable(
    name="overtraining",
    predictors=("params", "tokens"),
    parameters=(
        Parameter(
            "alpha", "unit of the loss", "the amplitude of the parameter term, at N = 1", low=0, log=True
        ),
        Parameter("beta", "unit of the loss", "the amplitude of the token term, at D = 1", low=0, log=True),
        Parameter("b", "none", "the exponent of both", low=-5, high=0),
        Parameter("E", "unit of the loss", "the irreducible loss", low=0),
    ),
    value=value,
    jacobian=jacobian,
    source="Gadre et al., arXiv 2403.08540, equation 4",
    formula="L = α · N^b + β · 6^(b/2) · (M·N)^b + E",
    traps="α and β refer to one parameter and one token, far outside the data, so they are nearly determined by b.",
    linear=("alpha", "beta", "E"),
    terms=terms,
    grid=lambda z: EXPONENTS[None],
    coordinates=coordinates,
    centre=lambda z: z.mean(axis=1),
)


def _optimum(theta: Array, known: Mapping[str, float]) -> dict[str, float]:
    alpha, beta, b, _ = theta
    product = known["training_flops"] / 6
    ratio = (beta * np.exp(b * LOG_6 / 2) / alpha) ** (1 / b)  # N / D, where both terms have the same slope
    params = float(np.sqrt(product * ratio))
    at = np.array([[params], [product / params]])
    return {"params": params, "tokens": product / params, "loss": float(value(theta, at)[0])}


OPTIMUM = Optimum({"training_flops": "compute, 6·N·D"}, _optimum, derived=compute)
