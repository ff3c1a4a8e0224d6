"""Evidence that errors depend on D/N as well as on compute, from the known points.

    ln y = a_0 + a_1 x + a_2 x²                       without the shape,    x = ln F
    ln y = a_0 + a_1 x + a_2 x² + b_1 z + b_2 z²      with it,              z = ln(D/N)
    Δ = AICc(without) − AICc(with)

At equal compute the loss of L(N, D) has a minimum in z, hence the square. A law of compute alone misses this effect;
exp(−Δ/2) is its likelihood relative to that of a law with the shape.

Source: Burnham & Anderson, *Model Selection and Multimodel Inference* (2002), chapter 2, for AICc and the likelihood of
a model; Hurvich & Tsai, *Biometrika* 76 (1989), for the small-sample term.
"""

import numpy as np

from relscale.fitting.curves.equal_columns import equal_columns
from relscale.fitting.curves.run_matrix import Floats
from relscale.fitting.forecasts.scales import Scales
from relscale.laws.linear_terms import least_squares

SMALLEST = 8  # points: the AICc of five terms and a variance needs two more
LEAST = 1e-20  # residual sum of squares, so that its logarithm is finite


def shape_evidence(known: Scales, value: Floats) -> Floats:
    """(J,) Δ of the curves ``value`` (P, J), positive if D/N matters; −inf if N and D are unknown or determined by
    compute, or there are too few points for the AICc.
    """
    result = np.full(value.shape[1], -np.inf)
    shape = known.log_tokens - known.log_params
    usable = np.isfinite(shape)[:, None] & np.isfinite(value)
    for used, which in equal_columns(usable):
        if used.sum() < SMALLEST or not known.take(used).shapes_differ:
            continue
        x, z = _standardized(known.log_flops[used]), _standardized(shape[used])
        without = [np.ones_like(x), x, x**2]
        with_shape = [*without, z, z**2]
        one, other = (
            _aicc(np.stack(terms, axis=1), value[used][:, which]) for terms in (without, with_shape)
        )
        result[which] = one - other
    return result


def _aicc(terms: Floats, value: Floats) -> Floats:
    """(J,) AICc of least squares with normal errors, from ``terms`` (P, k) and values (P, J)."""
    points, parameters = len(terms), terms.shape[1] + 1  # and the variance
    square = ((value - terms @ least_squares(terms, value)) ** 2).sum(axis=0)
    return np.asarray(
        points * np.log(np.maximum(square, LEAST) / points)
        + 2 * parameters * points / (points - parameters - 1)
    )


def _standardized(x: Floats) -> Floats:
    return np.asarray((x - x.mean()) / max(float(x.std()), 1e-9))
