"""Critical batch size: the number of steps to a loss, by batch size.

    S(B) = S_min · (1 + B_crit / B)

Far below B_crit, doubling the batch halves the steps; far above, it saves none. Reaching a loss takes ``E = B·S``
examples, at least ``E_min = S_min · B_crit``, so ``(S / S_min − 1)(E / E_min − 1) = 1``. B and B_crit have the unit of
the column of B.

Source: McCandlish et al., *An Empirical Model of Large-Batch Training*, arXiv 1812.06162; Kaplan et al., arXiv
2001.08361, equations 1.4 to 1.6.
"""

from collections.abc import Mapping

import numpy as np

from relscale.laws.law import Array, Parameter
from relscale.laws.optimum import Optimum
from relscale.laws.separable import separable

BATCHES = np.geomspace(1e-3, 1e3, 25)  # B_crit, in units of the geometric mean of the batches


def value(theta: Array, x: Array) -> Array:
    """S, (n, ...), of S_min, B_crit (2, ...) at B (1, n, ...)."""
    return np.asarray(theta[0] * (1 + theta[1] / x[0]))


def jacobian(theta: Array, x: Array) -> Array:
    """Derivatives of S by S_min and B_crit, (2, n, ...)."""
    return np.stack(np.broadcast_arrays(1 + theta[1] / x[0], theta[0] / x[0]))


def with_overhead(theta: Array, overhead: float, batch: float) -> Array:
    """The batch with ``1 + overhead`` times the steps of linear scaling from ``batch``.

    ``B = overhead · B_crit + (1 + overhead) · batch``, from ``S(B) = (1 + overhead) · S(batch) · batch / B``.
    """
    return np.asarray(overhead * theta[1] + (1 + overhead) * batch)


LAW = separable(
    name="critical_batch",
    predictors=("batch_tokens",),
    parameters=(
        Parameter("S_min", "steps", "the minimum number of steps, at unlimited batch", low=0, log=True),
        Parameter(
            "B_crit",
            "unit of the batch",
            "the batch at which both steps and examples are twice their minimum",
            low=0,
            log=True,
        ),
    ),
    value=value,
    jacobian=jacobian,
    linear=("S_min",),
    terms=lambda g, z: np.stack([1 + g[0] / z[0]]),
    grid=lambda z: (np.exp(np.log(z[0]).mean()) * BATCHES)[None],
    coordinates=np.asarray,
    source="McCandlish et al., arXiv 1812.06162; Kaplan et al., arXiv 2001.08361, equations 1.4 to 1.6",
    formula="S = S_min · (1 + B_crit / B)",
    traps="Batches are needed on both sides of B_crit; other definitions of a critical batch scale differently "
    "with size.",
)


def _optimum(theta: Array, fixed: Mapping[str, float]) -> dict[str, float]:
    return {"batch_tokens": float(with_overhead(theta, fixed["overhead"], fixed["from_batch"]))}


OPTIMUM = Optimum(
    {
        "overhead": "such as 0.2: steps beyond linear scaling",
        "from_batch": "the batch that scaling starts from",
    },
    _optimum,
)
