"""Two stages from compute to performance: FLOPs to loss by a power law, loss to performance by a straight line.

    L(F) = L_ref · (F / F_ref)^(−β)            fitted to converged small models (``relscale.laws.power``)
    P(L) = intercept + slope · L               fitted to checkpoints above chance; the law of this file

    P(F) = intercept + slope · L_ref · (F / F_ref)^(−β)

Each stage has its own data: many checkpoints for performance as a function of loss, few converged models for loss as a
function of compute. P alone does not identify both slope and L_ref, so the stages are fitted separately, and a forecast
uses the loss that the first predicts (``predictor_from`` of ``relscale.fitting.estimation.law_fits``), draw by draw.

Source: Chen et al., *Scaling Laws for Predicting Downstream Performance in LLMs*, arXiv 2410.08527, equations 1 and 2.
"""

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.separable import separable


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of P by intercept, slope, (2, n, ...)."""
    rows = np.ones_like(theta[0] * x[0]), x[0]
    return np.stack(np.broadcast_arrays(*rows))


def terms(g: Array, z: Array) -> Array:
    """The terms of intercept and slope, (2, n, ...), at L (1, n, ...)."""
    return np.stack([np.ones_like(z[0]), z[0]])


LAW = separable(
    name="flp",
    predictors=("loss",),
    parameters=(
        Parameter("intercept", "unit of the performance", "the performance at L = 0"),
        Parameter(
            "slope",
            "unit of the performance per unit of the loss",
            "the change of the performance per unit of loss",
        ),
    ),
    jacobian=jacobian,
    source="Chen et al., arXiv 2410.08527, equations 1 and 2",
    formula="P = intercept + slope · L",
    traps="The relation is linear only above chance; exclude models near chance.",
    linear=("intercept", "slope"),
    terms=terms,
    grid=lambda z: np.empty((0, 1)),
    coordinates=np.asarray,
    signed=("intercept", "slope"),
)
