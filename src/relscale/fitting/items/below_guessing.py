"""Items that too few models answer right for guesses, on which a fit with a floor at chance is biased."""

import numpy as np

from relscale.laws.law import Array


def share_below_guessing(answers: Array, chance: float) -> float:
    """The share of items that no model answers right, if it is more than two standard errors above that of guessing.

    Parameters
    ----------
    answers
        (n, k) answers of n models to k items, from 0 to 1; NaN if missing.

    Returns
    -------
    float
        The share; 0 if guessing at ``chance`` explains it.

    Examples
    --------
    Eight models that guess among four choices all miss 0.75⁸, or ten of 100 items.

    >>> wrong = np.zeros((8, 100))
    >>> right = wrong.copy()
    >>> right[0, 10:] = 1
    >>> share_below_guessing(wrong, 0.25), share_below_guessing(right, 0.25)
    (1.0, 0.0)
    """
    expected = (1 - chance) ** np.isfinite(answers).sum(axis=0)
    never = (np.nansum(answers, axis=0) == 0).mean()
    error = np.sqrt((expected * (1 - expected)).sum()) / len(expected)
    return float(never) if never > expected.mean() + 2 * error else 0.0
