"""Unbiased pass rates of tasks that are sampled until a given number of passes.

K draws were made until the r-th pass. ``r / K`` is biased upwards, for r = 1 at a rate p by the factor −ln p / (1 − p);
the unbiased estimator is ``(r − 1) / (K − 1)`` for r ≥ 2. If draws may end at a limit before the r-th pass, the ratio
of all passes to all draws over all items is unbiased for the mean over draws.

Source: Haldane, *On a Method of Estimating Frequencies*, Biometrika 33 (1945); used by Hu et al., arXiv 2310.03262.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from relscale.confidence import LEVEL
from relscale.errors import RelscaleError
from relscale.laws.law import Array


class Emergence(StrEnum):
    """Curvature of ln(−ln rate) as a function of ln scale."""

    STANDARD = "standard"  # a straight line: the task scaling law
    SLOWER = "slower"  # bends up: every one of several steps has to pass
    ACCELERATED = "accelerated"  # bends down: one of several ways suffices


def until_passes(draws: ArrayLike, passes: int) -> Array:
    """The unbiased pass rate of items with ``draws`` draws until ``passes`` passes.

    Raises
    ------
    RelscaleError
        There are fewer than two passes, or fewer draws than passes.
    """
    counts = np.asarray(draws, dtype=float)
    if passes < 2 or (counts < passes).any():
        raise RelscaleError(
            f"{passes} passes: an unbiased rate needs at least two, and at least as many draws"
        )
    return np.asarray((passes - 1) / (counts - 1))


def pooled(passes: ArrayLike, draws: ArrayLike) -> float:
    """Ratio of all passes to all draws, which limits on draws do not bias."""
    return float(np.sum(passes) / np.sum(draws))


def log_log_variance(rate: ArrayLike, draws: ArrayLike) -> Array:
    """The variance of ``ln(−ln rate)`` of a rate from ``draws`` draws, for inverse-variance weights; inf at 0 and 1."""
    p = np.asarray(rate, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (1 - p) / (np.asarray(draws, dtype=float) * p * np.log(p) ** 2)
    return np.where((p > 0) & (p < 1), variance, np.inf)


def bend(scale: ArrayLike, rate: ArrayLike) -> Array:
    """The second difference of ``ln(−ln rate)`` in ln scale at each inner point, in order of scale."""
    order = np.argsort(np.asarray(scale, dtype=float))
    x = np.log(np.asarray(scale, dtype=float)[order])
    f = np.log(-np.log(np.asarray(rate, dtype=float)[order]))
    slope = np.diff(f) / np.diff(x)
    return np.asarray(np.diff(slope) / ((x[2:] - x[:-2]) / 2))


def emergence(scale: ArrayLike, rate: ArrayLike, draws: ArrayLike, level: float = LEVEL) -> Emergence:
    """Whether rates follow the task scaling law, by the curvature of ``ln(−ln rate)`` in a weighted parabola.

    The curvature has to be significant by each of two standard errors: that of the draws, with the normal quantile, and
    that of the scatter of the points around the parabola, with Student's t. Models scatter by more than their draws.

    Raises
    ------
    RelscaleError
        Fewer than four rates are between 0 and 1.
    """
    from scipy.special import ndtri, stdtrit

    x, p = np.log(np.asarray(scale, dtype=float)), np.asarray(rate, dtype=float)
    variance = np.broadcast_to(log_log_variance(p, draws), p.shape)
    known = np.isfinite(variance)
    if known.sum() < 4:
        raise RelscaleError("emergence: fewer than four rates are between 0 and 1")
    x = x[known] - x[known].mean()
    columns = np.stack([np.ones_like(x), x, x**2], axis=1) / np.sqrt(variance[known])[:, None]
    y = np.log(-np.log(p[known])) / np.sqrt(variance[known])
    inverse, df = np.linalg.inv(columns.T @ columns), len(x) - 3
    parabola = inverse @ columns.T @ y
    scatter = np.sqrt(np.sum((y - columns @ parabola) ** 2) / df)  # in standard errors of the draws
    z, upper = parabola[2] / np.sqrt(inverse[2, 2]), (1 + level) / 2
    if abs(z) < max(ndtri(upper), scatter * stdtrit(df, upper)):
        return Emergence.STANDARD
    return Emergence.SLOWER if z > 0 else Emergence.ACCELERATED
