"""Exponential from loss to error: the top-1 error of a benchmark falls from chance as the loss does.

    Err(L) = ε − k · exp(−γ · L)

| parameter | unit |
|---|---|
| ``epsilon``, ε | the error's, a share; where the loss is high |
| ``k`` | the error's; how far below ε at L = 0, which no model reaches |
| ``gamma``, γ | 1 / the loss's |

Source: Gadre et al., arXiv 2403.08540, equation 5; least squares of the error itself.
"""

import numpy as np

from relscale.laws.grid import profiled, spread
from relscale.laws.law import Array, Law, Parameter

BENDS = np.array([0.05, 0.2, 0.5, 1.0, 1.6, 2.4, 3.5, 5.0, 8.0, 14.0])  # γ times the range of the loss


def value(theta: Array, x: Array) -> Array:
    """Err, (n, ...), of ε, k, γ (3, ...) at L (1, n, ...)."""
    epsilon, k, gamma = theta
    return np.asarray(epsilon - np.exp(np.log(k) - gamma * x[0]))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of Err by ε, k, γ, (3, n, ...)."""
    _, k, gamma = theta
    left = np.exp(-gamma * x[0])
    return np.stack([np.ones_like(left), -left, k * left * x[0]])


def starts(x: Array, y: Array) -> Array:
    """The best of a grid of γ, each with its least-squares ε and k."""
    gamma = BENDS / spread(x[0])
    lowest = x[0].min()
    below = -np.exp(-gamma[:, None] * (x[0] - lowest))
    (epsilon, depth), best = profiled(np.stack([np.ones_like(below), below], axis=-1), y)
    return np.stack([epsilon, depth * np.exp(gamma[best] * lowest), gamma[best]], axis=1)


LAW = Law(
    name="exponential_error",
    predictors=("loss",),
    parameters=(
        Parameter("epsilon", "a share", low=0),
        Parameter("k", "a share", low=0, log=True),
        Parameter("gamma", "1 / that of the loss", low=0),
    ),
    value=value,
    jacobian=jacobian,
    starts=starts,
    identifiable=("epsilon", "k", "gamma"),
    source="Gadre et al., arXiv 2403.08540, equation 5",
    linear=("epsilon", "k"),
)
