"""The confidence level of questions, 95%, and their intervals: of a mean over items, of where a line is 0."""

from collections.abc import Sequence

import numpy as np

from relscale.laws.law import Array

LEVEL = 0.95
FEWEST_DRAWS = 20  # of a percentile
ENOUGH = 0.9  # share of the resamples that must have given a number
MOST_LOG = 300.0  # of a size that a number can hold


def step_of(scores: Array) -> float:
    """The distance of two values, such as wrong and right, where scores have no others; else 0.

    Examples
    --------
    >>> step_of(np.array([0.0, 1.0, 1.0])), step_of(np.array([0.1, 0.5, 0.7]))
    (1.0, 0.0)
    """
    values = np.unique(scores[np.isfinite(scores)])
    return float(values[-1] - values[0]) if len(values) == 2 else 0.0


def mean_with_limits(differences: Array, step: float = 0.0) -> tuple[float, float, float]:
    """The mean of paired items' differences, and the limits of its interval by Student's t.

    Of right and wrong, which are a ``step`` apart, few items differ, or none, and their scatter says too little: the
    limits are those with one item more on either side (Bonett and Price, *Adjusted Wald confidence interval for a
    difference of binomial proportions based on paired data*, J. Educational and Behavioral Statistics 37, 2012).
    """
    from scipy.special import stdtrit

    shown = np.concatenate([differences, [step, -step]]) if step else differences
    half = float(stdtrit(len(shown) - 1, (1 + LEVEL) / 2) * shown.std(ddof=1) / np.sqrt(len(shown)))
    return float(differences.mean()), float(shown.mean() - half), float(shown.mean() + half)


def percentiles(drawn: Sequence[float], draws: int) -> tuple[float | None, float | None]:
    """The 2.5th and 97.5th percentile of what ``draws`` resamples gave; None where too few gave anything."""
    if len(drawn) < max(FEWEST_DRAWS, ENOUGH * draws):
        return None, None
    low, high = np.percentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)


def zero_of_line(
    level: float, slope: float, covariance: Array, df: int
) -> tuple[float, float | None, float | None]:
    """Where ``level + slope·s`` is 0, with Fieller's limits, None where the set that is not excluded is open.

    With quantile t and covariance V of level and slope (2, 2): ``(level + slope·s)² ≤ t²·(V_11 + 2 V_12 s + V_22 s²)``.
    """
    from scipy.special import stdtrit

    v = covariance * stdtrit(df, (1 + LEVEL) / 2) ** 2
    a, b, c = slope**2 - v[1, 1], level * slope - v[0, 1], level**2 - v[0, 0]
    if slope == 0:
        return np.nan, None, None
    if not a > 0:
        return -level / slope, None, None
    root = float(np.sqrt(max(b * b - a * c, 0.0)))
    return -level / slope, float((-b - root) / a), float((-b + root) / a)
