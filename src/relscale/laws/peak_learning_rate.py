"""Peak learning rate by batch size: a power law for small batches, with a plateau for large ones.

    η(B) = η_max / (1 + (B0 / B)^p)

If gradients are mostly noise, p is 1 for SGD and ½ for Adam. At B0 the rate is half of the plateau.

Source: the form of McCandlish et al., *An Empirical Model of Large-Batch Training*, arXiv 1812.06162, with the
exponent as a parameter; Granziol et al., arXiv 2006.09092, on the exponent.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.optimum import Optimum
from relscale.laws.profile import crossed
from relscale.laws.separable import separable

POWERS = np.array([0.25, 0.5, 0.75, 1.0, 1.5])
TURNS = np.geomspace(1e-3, 1e3, 19)  # B0, in units of the geometric mean of the batches


def terms(g: Array, z: Array) -> Array:
    """The term of η_max, (1, n, ...), of B0, p (2, ...) at ln B (1, n, ...)."""
    return np.asarray(np.exp(-np.logaddexp(0, g[1] * (np.log(g[0]) - z[0])))[None])


def limits(x: Array, y: Array) -> tuple[Array, Array]:
    """Bounds of η_max, B0 and p: B0 far below or above all batches is not identified."""
    return (
        np.array([-np.inf, 1e-4 * x[0].min(), -np.inf]),
        np.array([np.inf, 1e4 * x[0].max(), np.inf]),
    )


LAW = separable(
    name="peak_learning_rate",
    predictors=("batch_tokens",),
    parameters=(
        Parameter("eta_max", "unit of the rate", "the rate of the largest batches", low=0, log=True),
        Parameter("B0", "unit of the batch", "the batch at half of the plateau", low=0, log=True),
        Parameter("p", "none", "the exponent at small batches", low=0.1, high=2),
    ),
    linear=("eta_max",),
    terms=terms,
    grid=lambda z: crossed(np.exp(z[0].mean()) * TURNS, POWERS),
    limits=limits,
    source="McCandlish et al., arXiv 1812.06162; Granziol et al., arXiv 2006.09092",
    formula="η = η_max / (1 + (B0 / B)^p)",
    traps="y is the best learning rate at each batch size, not a loss. Batches are needed on both sides of B0; "
    "below it a power law without a plateau fits as well and must not be extrapolated. The largest stable rate "
    "is not the best rate.",
)


def _optimum(theta: Array, known: Mapping[str, float]) -> dict[str, float]:
    return {"learning_rate": float(LAW.value(theta, np.array([[known["batch_tokens"]]]))[0])}


OPTIMUM = Optimum({"batch_tokens": "tokens per batch"}, _optimum)
