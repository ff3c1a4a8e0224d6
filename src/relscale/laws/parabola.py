"""IsoFLOP parabola: at one compute budget, the loss of runs of different sizes against the logarithm of their tokens.

    L(x) = c0 + c1·x + c2·x²,    x = ln tokens − mean ln tokens of the budget's runs

The minimum is at ``x* = −c1 / (2·c2)`` if ``c2 > 0``. The parabola is linear in its coefficients, so groups and
replicates of the same runs are all fitted by one matrix product.

| parameter | unit |
|---|---|
| ``c0``, ``c1``, ``c2`` | the metric's; nats per token for the validation loss |

Shapes below: n runs; ``...`` stands for any further axes (groups, replicates, data sets).

Source: Hoffmann et al., *Training Compute-Optimal Large Language Models*, arXiv 2203.15556, section 3.2 (approach 2).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

SMALLEST = 3  # minimum number of distinct token counts

Array = NDArray[np.float64]


def powers(x: ArrayLike) -> Array:
    """``1, x, x²`` along a new first axis: (3, ...)."""
    x = np.asarray(x, dtype=float)
    return np.stack([np.ones_like(x), x, x * x])


def coefficients(x: Array, y: Array) -> Array:
    """Least-squares ``c0, c1, c2``: (3, ...) from x (n,) and y (n, ...)."""
    return np.tensordot(np.linalg.pinv(powers(x).T), y, axes=1)


def value(c: Array, x: ArrayLike) -> Array:
    """The parabola ``c`` (3, ...) at x, whose shape broadcasts with ``...``."""
    return np.asarray(c[0] + c[1] * x + c[2] * np.square(x))


def minimum(c: Array) -> tuple[Array, Array]:
    """``x*`` and ``L(x*)`` of ``c`` (3, ...), each (...); nan if the parabola has no minimum."""
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(c[2] > 0, -c[1] / (2 * c[2]), np.nan)
    return x, value(c, x)


def leverage(x: Array, at: ArrayLike) -> Array:
    """Variance of the fitted value at ``at`` in units of the noise variance of one run, with the shape of ``at``.

    ``p·(XᵀX)⁻¹·pᵀ`` with ``p = (1, at, at²)``.
    """
    root = np.tensordot(np.linalg.pinv(powers(x)), powers(at), axes=1)
    return np.asarray(np.sum(root**2, axis=0))
