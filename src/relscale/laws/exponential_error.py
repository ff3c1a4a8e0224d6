"""Exponential law from loss to error: the top-1 error of a benchmark falls from chance level with the loss.

    Err(L) = ε − k · exp(−γ · L)

Source: Gadre et al., arXiv 2403.08540, equation 5; least squares of the error itself.
"""

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.profile import spread
from relscale.laws.separable import separable

BENDS = np.array([0.05, 0.2, 0.5, 1.0, 1.6, 2.4, 3.5, 5.0, 8.0, 14.0])  # γ times the range of the loss


def value(theta: Array, x: Array) -> Array:
    """Err, (n, ...), of ε, k, γ (3, ...) at L (1, n, ...)."""
    epsilon, k, gamma = theta
    return np.asarray(epsilon - np.exp(np.log(k) - gamma * x[0]))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of Err by ε, k, γ, (3, n, ...)."""
    _, k, gamma = theta
    decay = np.exp(-gamma * x[0])
    return np.stack([np.ones_like(decay), -decay, k * decay * x[0]])


def terms(g: Array, z: Array) -> Array:
    """The terms of ε and k, (2, n, ...), of γ (1, ...) at L (1, n, ...)."""
    minus_decay = -np.exp(-g[0] * z[0])
    return np.stack([np.ones_like(minus_decay), minus_decay])


LAW = separable(
    name="exponential_error",
    predictors=("loss",),
    parameters=(
        Parameter("epsilon", "share", "the error at high loss", low=0),
        Parameter("k", "share", "the difference of ε and the error at L = 0", low=0, log=True),
        Parameter("gamma", "1 / unit of the loss", "the rate of the exponential", low=0),
    ),
    value=value,
    jacobian=jacobian,
    source="Gadre et al., arXiv 2403.08540, equation 5",
    formula="Err = ε − k · exp(−γ · L)",
    traps="ε is the chance error only if the data include models near chance.",
    linear=("epsilon", "k"),
    terms=terms,
    grid=lambda z: (BENDS / spread(z[0]))[None],
    coordinates=np.asarray,
    centre=lambda z: z.min(axis=1),
)
