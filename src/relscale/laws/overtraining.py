"""Over-training law: loss of models that see more tokens a parameter than is compute-optimal.

    L(N, M) = α · N^b + β · 6^(b/2) · (M · N)^b + E,    M = D / N tokens a parameter, so that M · N = D

The sum of a power of the parameters and the same power of the tokens: at any M, loss falls with compute C = 6·M·N² as
``C^(b/2)``, so lines of equal M are parallel.

| parameter | unit |
|---|---|
| ``alpha``, α | the loss's, at N = 1 |
| ``beta``, β | the loss's, at M·N = 1 but for the factor 6^(b/2) |
| ``b`` | none; negative |
| ``E`` | the loss's |

Source: Gadre et al., *Language models scale reliably with over-training and on downstream tasks*, arXiv 2403.08540,
equation 4; least squares of the loss itself. Their η is −b / 2.
"""

import numpy as np

from relscale.laws.grid import profiled
from relscale.laws.law import Array, Law, Parameter

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
    of_n, of_d = np.exp(b * log_n), np.exp(b * log_d)
    by_b = alpha * of_n * log_n + beta * of_d * log_d
    return np.stack([of_n, of_d, by_b, np.ones_like(by_b)])


def starts(x: Array, y: Array) -> Array:
    """The best of a grid of exponents, each with its least-squares α, β and E."""
    logs = np.log(x) + np.array([[0.0], [LOG_6 / 2]])
    middle = logs.mean(axis=1)
    n, d = np.exp(EXPONENTS[:, None] * (logs - middle[:, None])[:, None])
    (alpha, beta, E), best = profiled(np.stack([n, d, np.ones_like(n)], axis=-1), y)
    b = EXPONENTS[best]
    return np.stack([alpha * np.exp(-b * middle[0]), beta * np.exp(-b * middle[1]), b, E], axis=1)


LAW = Law(
    name="overtraining",
    predictors=("params", "tokens"),
    parameters=(
        Parameter("alpha", "that of the loss", low=0, log=True),
        Parameter("beta", "that of the loss", low=0, log=True),
        Parameter("b", "none", low=-5, high=0),
        Parameter("E", "that of the loss", low=0),
    ),
    value=value,
    jacobian=jacobian,
    starts=starts,
    identifiable=("alpha", "beta", "b", "E"),
    source="Gadre et al., arXiv 2403.08540, equation 4",
    linear=("alpha", "beta", "E"),
)
