"""Text on the correlation of group slopes with a covariate."""

from collections.abc import Sequence

import numpy as np

from relscale.figures.chart.numbers import decimals

FEWEST = 4  # groups for a correlation


def correlation_words(covariate: Sequence[float], slopes: Sequence[float]) -> str:
    """Pearson's and Spearman's correlation of slopes with the logarithms of a covariate."""
    from scipy.stats import pearsonr, spearmanr

    if len(slopes) < FEWEST:
        return f"{len(slopes)} groups: too few to correlate"
    constant = [
        name for name, values in (("covariates", covariate), ("slopes", slopes)) if len(set(values)) < 2
    ]
    if constant:
        return f"{len(slopes)} groups: no correlation, all {' and '.join(constant)} are equal"
    coefficients = [_signed(test(np.log(covariate), slopes).statistic) for test in (pearsonr, spearmanr)]
    return f"{len(slopes)} groups: Pearson {coefficients[0]}, rank correlation {coefficients[1]}"


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else ''}{decimals(value, 2)}"
