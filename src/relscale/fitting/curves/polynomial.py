"""Polynomials of degree 2 or 3 through the runs of a budget, beside the parabola (``relscale.laws.parabola``)."""

import numpy as np

from relscale.fitting.curves.run_matrix import Floats


def minimum(x: Floats, loss: Floats, degree: int) -> float:
    """Position of the minimum of the least-squares polynomial of degree 2 or 3; nan if it is not inside x (n,)."""
    if len(np.unique(x)) <= degree:
        return np.nan
    c = np.linalg.pinv(powers(x - x.mean(), degree)) @ loss
    c1, c2, c3 = c[1], c[2], c[3] if degree == 3 else 0.0
    square = c2 * c2 - 3 * c1 * c3  # of half the curvature at the minimum
    curvature = c2 if degree == 2 else np.sqrt(square) if square > 0 else np.nan
    if not curvature > 0:
        return np.nan
    if c2 + curvature > 0:
        at = -c1 / (c2 + curvature)  # the same root as below, also defined for a parabola
    elif c3 != 0:
        at = (curvature - c2) / (3 * c3)
    else:
        return np.nan
    at = float(at + x.mean())
    return at if x.min() < at < x.max() else np.nan


def reading_weights(x: Floats, at: float, degree: int) -> Floats:
    """Weights (n,) of the values at x (n,) in the least-squares polynomial's value at ``at``."""
    inverse = np.linalg.pinv(powers(x - x.mean(), degree))
    weights: Floats = (powers(np.array([at - x.mean()]), degree) @ inverse)[0]
    return weights


def powers(x: Floats, degree: int) -> Floats:
    """``1, x, …, x^degree`` along a new last axis: (n, degree + 1)."""
    return np.vander(x, degree + 1, increasing=True)
