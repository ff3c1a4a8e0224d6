"""Shifted power law: an error that is flat at small compute and then falls towards a floor.

    Err = h · ((x + s) / (1 + s))^(−β) + floor,    x = F / F_ref

h is the reducible error at the reference compute. The paper writes ``a · (F + b)^(−β) + floor``, with ``b = s · F_ref``
and ``a = h · ((1 + s) · F_ref)^β``, whose unit depends on β.

Source: Nezhurina et al., *Scaling Laws for Robust Comparison of Open Foundation Language-Vision Models and Datasets*,
arXiv 2506.04598.
"""

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.profile import crossed
from relscale.laws.separable import separable

BETAS = np.array([0.03, 0.08, 0.15, 0.25, 0.4, 0.65, 1.0, 1.6])
SHIFTS = np.geomspace(1e-3, 30, 12)  # s, in units of the geometric mean of x


def terms(g: Array, z: Array) -> Array:
    """The terms of h and the floor, (2, n, ...), of β, s (2, ...) at ln x (1, n, ...)."""
    beta, shift = g
    power = np.exp(-beta * (np.log(np.exp(z[0]) + shift) - np.log1p(shift)))
    return np.stack([power, np.ones_like(power)])


def limits(x: Array, y: Array) -> tuple[Array, Array]:
    """Bounds of h, β, s and the floor: a shift far below or above all compute is not identified."""
    return (
        np.array([-np.inf, -np.inf, 1e-4 * x[0].min(), -np.inf]),
        np.array([np.inf, np.inf, 1e3 * x[0].max(), np.inf]),
    )


LAW = separable(
    name="shifted_power",
    predictors=("training_flops",),
    parameters=(
        Parameter("h", "unit of the metric", "the reducible error at the reference compute", low=0, log=True),
        Parameter("beta", "none", "the exponent far above the shift", low=0, high=5),
        Parameter("s", "multiples of F_ref", "the compute from which the error falls", low=0, log=True),
        Parameter("floor", "unit of the metric", "the error at unlimited compute", low=0),
    ),
    linear=("h", "floor"),
    terms=terms,
    grid=lambda z: crossed(BETAS, np.exp(z[0].mean()) * SHIFTS),
    limits=limits,
    source="Nezhurina et al., arXiv 2506.04598",
    formula="Err = h · ((x + s) / (1 + s))^(−β) + floor, x = F / F_ref",
    traps="β and the floor are correlated unless the error flattens; crossings of curves depend on both floors.",
    reference=True,
)
