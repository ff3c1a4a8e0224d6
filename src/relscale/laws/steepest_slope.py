"""The steepest slope that points on a line are consistent with."""

import numpy as np

from relscale.laws.law import Array

QUANTILE = 0.99


def steepest_slope(x: Array, y: Array) -> Array:
    """Upper limit of the size of the slope of curves y (n, J) over x (n,), without the points where y is nan.

        |b| + t · se_b

    with b the slope of a curve's least-squares line, se_b its standard error, and t the 99% quantile of Student's t
    with n − 2 degrees of freedom. Of two points, whose line has no standard error, it is |b|.

    Returns
    -------
    (J,)
        0 where the x of a curve's points do not vary.

    Examples
    --------
    >>> steepest_slope(np.array([0.0, 1, 2]), np.array([[0.0], [-1], [-2]])).tolist()
    [1.0]
    """
    from scipy.special import stdtrit

    known = np.isfinite(y)
    n = np.maximum(known.sum(axis=0), 1)
    dx = np.where(known, x[:, None] - np.where(known, x[:, None], 0.0).sum(axis=0) / n, 0.0)
    dy = np.where(known, y - np.where(known, y, 0.0).sum(axis=0) / n, 0.0)
    squares = (dx**2).sum(axis=0)
    varies = squares > 0
    squares = np.where(varies, squares, 1.0)
    slope = (dx * dy).sum(axis=0) / squares
    df = np.maximum(n - 2, 1)
    variance = ((dy - slope * dx) ** 2).sum(axis=0) / df / squares
    return np.asarray(np.where(varies, np.abs(slope) + stdtrit(df, QUANTILE) * np.sqrt(variance), 0.0))
