"""Rectified law of fine-tuning: the loss is flat for few examples, then falls as a power law.

    L = E + B / (D_l + D^β)

D are fine-tuning examples; D_l is the value of pre-training, in units of D^β. Below ``D_l^(1/β)`` examples the loss
hardly falls. Each pre-trained model has its own parameters, so that the best one can be chosen from few examples.

Source: Lin et al., *Selecting Large Language Model to Fine-tune via Rectified Scaling Law*, arXiv 2402.02314.
"""

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.profile import crossed
from relscale.laws.separable import separable

BETAS = np.array([0.05, 0.12, 0.22, 0.35, 0.55, 0.85, 1.3, 2.0])
TURNS = np.array([-8, -4, -2, -1, 0, 1, 2, 4])  # ln D_l / β minus the mean of ln D


def terms(g: Array, z: Array) -> Array:
    """The terms of E and B, (2, n, ...), of D_l, β (2, ...) at ln D (1, n, ...)."""
    power = np.exp(-np.logaddexp(np.log(g[0]), g[1] * z[0]))
    return np.stack([np.ones_like(power), power])


def grid(z: Array) -> Array:
    """D_l and β."""
    beta, turn = crossed(BETAS, TURNS)
    return np.stack([np.exp(beta * (z[0].mean() + turn)), beta])


def limits(x: Array, y: Array) -> tuple[Array, Array]:
    """Bounds of E, B, D_l, β: a smaller D_l has no effect."""
    return np.array([-np.inf, -np.inf, 1e-9, -np.inf]), np.full(4, np.inf)


def turn(theta: Array) -> Array:
    """The number of examples beyond which the loss falls as a power law, of E, B, D_l, β (4, ...)."""
    return np.asarray(np.exp(np.log(theta[2]) / theta[3]))


LAW = separable(
    name="rectified",
    predictors=("examples",),
    parameters=(
        Parameter("E", "unit of the loss", "the loss after unlimited fine-tuning", low=0),
        Parameter("B", "unit of the loss", "the amplitude of the reducible loss", low=0, log=True),
        Parameter("D_l", "examples^β", "the value of pre-training", low=0, log=True),
        Parameter("beta", "none", "the exponent of the examples", low=0.01, high=5),
    ),
    linear=("E", "B"),
    terms=terms,
    grid=grid,
    limits=limits,
    source="Lin et al., arXiv 2402.02314",
    formula="L = E + B / (D_l + D^β)",
    traps="E needs data in the power-law range, D_l data below it; with only one of them, several laws fit. "
    "The form has not been checked against the paper's text.",
)
