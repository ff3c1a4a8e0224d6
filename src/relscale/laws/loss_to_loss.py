"""Loss to loss: the loss on one distribution as a function of that on another, for the same model.

    L_y = E_y + K · (L_x − E_x)^κ

Models of one training corpus share a curve, whatever their size, architecture or optimizer; other corpora have other
curves. With E_x = E_y = 0 it is a straight line in the logarithms.

Source: Mayilvahanan et al., *LLMs on the Line*, arXiv 2502.12120; Brandfonbrener et al., arXiv 2411.12925.
"""

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.profile import crossed
from relscale.laws.separable import separable

FLOORS = np.array([0.0, 0.3, 0.6, 0.8, 0.92, 0.98])  # E_x, as shares of the lowest loss
EXPONENTS = np.array([0.2, 0.4, 0.65, 0.85, 1.0, 1.2, 1.6, 2.4])


def terms(g: Array, z: Array) -> Array:
    """The terms of E_y and K, (2, n, ...), of E_x, κ (2, ...) at L_x (1, n, ...)."""
    floor, kappa = g
    above = np.maximum(z[0] - floor, 0.0) ** kappa
    return np.stack([np.ones_like(above), above])


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of L_y by E_y, K, E_x and κ, (4, n, ...); at E_x = L_x those by E_x and κ may be infinite."""
    _, scale, floor, kappa = theta
    distance = np.maximum(x[0] - floor, 0.0)
    with np.errstate(all="ignore"):
        above, log = distance**kappa, np.log(distance)
        rows = [np.ones_like(above), above, -scale * kappa * distance ** (kappa - 1), scale * above * log]
    return np.stack(np.broadcast_arrays(*rows))


def limits(x: Array, y: Array) -> tuple[Array, Array]:
    """Bounds of E_y, K, E_x and κ: no loss is below its floor."""
    return np.full(4, -np.inf), np.array([np.inf, np.inf, x[0].min(), np.inf])


LAW = separable(
    name="loss_to_loss",
    predictors=("loss",),
    parameters=(
        Parameter("E_y", "unit of the loss", "the irreducible loss of the response", low=0),
        Parameter(
            "K", "unit of the loss", "the response above E_y at one unit of L_x above E_x", low=0, log=True
        ),
        Parameter("E_x", "unit of L_x", "the irreducible loss of the predictor", low=0),
        Parameter("kappa", "none", "the exponent between them", low=0, high=10),
    ),
    linear=("E_y", "K"),
    terms=terms,
    grid=lambda z: crossed(z[0].min() * FLOORS, EXPONENTS),
    coordinates=np.asarray,
    jacobian=jacobian,
    limits=limits,
    source="Mayilvahanan et al., arXiv 2502.12120",
    formula="L_y = E_y + K · (L_x − E_x)^κ",
    traps="E_x, E_y and κ are correlated over a narrow range of losses: fix E_x and E_y if a law of compute "
    "gives them. Nats per token are not comparable between tokenizers: use bits per byte.",
)
