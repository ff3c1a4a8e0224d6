"""Correlation of group slopes with a covariate, in words."""

from collections.abc import Sequence

import numpy as np

from relscale.figures.chart.numbers import decimals

FEWEST = 4  # groups that a correlation needs, and even then it only describes


def correlation_words(numbers: Sequence[float], slopes: Sequence[float]) -> str:
    """Pearson's and Spearman's correlation of slopes with the logarithm of the numbers."""
    from scipy.stats import pearsonr, spearmanr

    if len(slopes) < FEWEST:
        return f"{len(slopes)} groups: too few to correlate"
    if len(set(numbers)) < 2 or len(set(slopes)) < 2:
        return f"{len(slopes)} groups: no spread to correlate"
    coefficients = [_signed(by(np.log(numbers), slopes).statistic) for by in (pearsonr, spearmanr)]
    return f"{len(slopes)} groups: Pearson {coefficients[0]}, rank correlation {coefficients[1]}"


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else ''}{decimals(value, 2)}"
