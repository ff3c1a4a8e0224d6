"""Whose turn it is in a mixture: parts take turns so that every beginning of the sequence has them by their weights."""

from collections.abc import Sequence
from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError

FINEST = 10_000  # shares are whole multiples of a hundredth of a percent


def units(weights: Sequence[float]) -> tuple[int, ...]:
    """Shares as whole numbers without a common divisor, that add up to 10,000 or a divisor of it.

    Rounded by largest remainder, so that no share is off by 1/10,000.

    Raises
    ------
    RelscaleError
        A share rounds to nothing.
    """
    exact = np.asarray(weights, dtype=float) / sum(weights) * FINEST
    found = np.floor(exact + 1e-9).astype(int)
    for position in np.argsort(found - exact, kind="stable")[: FINEST - found.sum()]:
        found[position] += 1
    if not found.all():
        raise RelscaleError(
            f"a weight of {weights[int(found.argmin())]:g} is under 1/{FINEST} of the mixture; raise it or leave it out"
        )
    common = gcd(*found.tolist())
    return tuple((found // common).tolist())


def turns(numbers: NDArray[np.int64], shares: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each place in the mixture, which part's turn it is, and how many turns that part has had before.

    Of the first *n* places a part of share *s* has more than *ns* − 1 and fewer than *ns* + 1, for every *n* (the quota
    method, Balinski and Young 1975). The sequence repeats after ``sum(shares)`` places.

    Parameters
    ----------
    numbers
        Places, counted from 0.
    shares
        As ``units`` gives them.
    """
    part, before = _period(shares)
    period, place = np.divmod(numbers, len(part))
    return part[place], period * np.asarray(shares)[part[place]] + before[place]


@lru_cache(maxsize=4)
def _period(shares: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    whole = np.asarray(shares)
    length = int(whole.sum())
    part, before = np.zeros(length, np.int64), np.zeros(length, np.int64)
    had = np.zeros(len(shares), np.int64)
    for place in range(length):
        # Of those that stay under their upper quota, the one whose next turn is due first.
        due = np.where(had * length < whole * (place + 1), (had + 1) / whole, np.inf)
        chosen = int(due.argmin())
        part[place], before[place] = chosen, had[chosen]
        had[chosen] += 1
    return part, before
