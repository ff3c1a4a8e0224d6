"""The order of the parts of a mixture: they take turns so that every prefix of the sequence has them by weight."""

from collections.abc import Sequence
from functools import lru_cache
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError

FINEST = 1_000_000  # shares are whole multiples of a millionth


def integer_shares(weights: Sequence[float]) -> tuple[int, ...]:
    """Shares as whole numbers without a common divisor, that add up to 1,000,000 or a divisor of it.

    Rounded by largest remainder, so that no share is off by a millionth.

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
            f"a weight of {weights[int(found.argmin())]:g} is under a millionth of the mixture; leave it out"
        )
    common = gcd(*found.tolist())
    return tuple((found // common).tolist())


def interleave(
    numbers: NDArray[np.int64], shares: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The part at each position of the mixture, and how many turns that part has had before.

    Turn *j* of a part of share *s* is due at *(j + 1/2) / s*, and turns are taken as they are due. So of the first *n*
    places, *k* parts in all, it has *ns* to within *(1 + ks) / 2*, for every *n*: until any time, each part is half a
    turn off at most, and so their sum *k* halves. The sequence repeats after ``sum(shares)`` places.

    Parameters
    ----------
    numbers
        Places, counted from 0.
    shares
        As ``integer_shares`` gives them.
    """
    part, before = _period(shares)
    period, place = np.divmod(numbers, len(part))
    return part[place], period * np.asarray(shares)[part[place]] + before[place]


@lru_cache(maxsize=4)
def _period(shares: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    counts = [np.arange(share, dtype=np.int32) for share in shares]
    due = np.concatenate([(count + 0.5) / share for count, share in zip(counts, shares, strict=True)])
    order = np.argsort(due, kind="stable")
    part = np.repeat(np.arange(len(shares), dtype=np.int32), shares)
    return part[order], np.concatenate(counts)[order]
