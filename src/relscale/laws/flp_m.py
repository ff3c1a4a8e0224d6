"""The loss of a domain as a function of the compute on each source of the training data: the first stage of FLP-M.

    L(C) = E + 1 / Σ_j k_j · (C_j / 10¹⁸)^γ_j

C_j ≥ 0 are the training FLOPs spent on source j. For a single source it is a power law above a floor. The second stage,
performance as a function of the losses of several domains, is the question ``loss_network``. The law is built for any
set of sources.

Source: the problem is that of Chen et al., *Scaling Laws for Predicting Downstream Performance in LLMs*, arXiv
2410.08527; the form for several sources is relscale's, after Shukor et al., arXiv 2507.09404.
"""

from collections.abc import Callable

import numpy as np

from relscale.laws import additive_effects
from relscale.laws.law import Array, Family, Law, Parameter, Slopes
from relscale.laws.mixture_additive import SHALLOWEST, STEEPEST, bounds_of_weights

UNIT = 1e18  # FLOPs
FLOORS = np.array([0.0, 0.5, 0.8])  # E as a share of the lowest loss
POWERS = np.array([0.1, 0.3, 0.8])  # γ
SMALLEST, LARGEST = 1e-12, 1e12  # k, in units of 1 / y
SOURCE = "Chen et al., arXiv 2410.08527, and Shukor et al., arXiv 2507.09404, for the form"
FORMULA = "L = E + 1 / Σ k_j · (C_j / 10¹⁸)^γ_j"
TRAPS = (
    "The form for several sources is relscale's choice, not the paper's. k and γ of sources with constant "
    "proportions are not identified."
)


def value(theta: Array, x: Array) -> Array:
    """L, (n, ...), of E, k_j, γ_j (1 + 2k, ...) at FLOPs (k, n, ...)."""
    return additive_effects.value(theta, x / UNIT)


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L by E, k_j, γ_j, (1 + 2k, n, ...)."""
    return additive_effects.jacobian(theta, x / UNIT)


def at(x: Array) -> Callable[[Array], tuple[Array, Slopes]]:
    """The law at these FLOPs: L and its derivatives, which share the powers."""
    return additive_effects.at(x / UNIT)


def starts(x: Array, y: Array) -> Array:
    """Equal effects of all sources, at several floors and exponents."""
    mean, points = x.mean(axis=1) / UNIT, []
    for floor in FLOORS * y.min():
        for power in POWERS:
            coefficients = mean**-power / (len(x) * (y - floor).mean())
            points.append([floor, *coefficients, *np.full(len(x), power)])
    return np.array(points)


def make_law(columns: tuple[str, ...]) -> Law:
    """The law of these sources."""
    sources = [column.removeprefix("flops_") for column in columns]
    weights = (
        Parameter(f"k_{j}", "1 / unit of the loss", f"the effect of 10¹⁸ FLOPs on {j} alone", low=0, log=True)
        for j in sources
    )
    powers = (
        Parameter(f"gamma_{j}", "none", f"the exponent of {j}", SHALLOWEST, STEEPEST, log=True)
        for j in sources
    )
    return Law(
        name="flp_m",
        predictors=columns,
        parameters=(
            Parameter("E", "unit of the loss", "the irreducible loss", low=0),
            *weights,
            *powers,
        ),
        value=value,
        jacobian=jacobian,
        at=at,
        starts=starts,
        limits=bounds_of_weights(SMALLEST, LARGEST),
        source=SOURCE,
        formula=FORMULA,
        traps=TRAPS,
    )


LAW = Family(name="flp_m", prefix="flops_", make_law=make_law, source=SOURCE, total="training_flops")
