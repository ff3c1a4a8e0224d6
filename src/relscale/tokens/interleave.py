"""Interleaving of a mixture's parts, so that every prefix of the sequence has them in proportion to their weights."""

from collections.abc import Sequence
from functools import lru_cache
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError

RESOLUTION = 1_000_000  # shares are whole multiples of a millionth


def integer_shares(weights: Sequence[float]) -> tuple[int, ...]:
    """Shares as integers without a common divisor whose sum is 1,000,000 or a divisor of it.

    Largest-remainder rounding: the error of each share is below a millionth.

    Raises
    ------
    RelscaleError
        A share rounds to zero.
    """
    exact = np.asarray(weights, dtype=float) / sum(weights) * RESOLUTION
    rounded = np.floor(exact + 1e-9).astype(int)
    for position in np.argsort(rounded - exact, kind="stable")[: RESOLUTION - rounded.sum()]:
        rounded[position] += 1
    if not rounded.all():
        raise RelscaleError(
            f"a weight of {weights[int(rounded.argmin())]:g} is below a millionth of the mixture; remove it"
        )
    common = gcd(*rounded.tolist())
    return tuple((rounded // common).tolist())


def interleave(
    numbers: NDArray[np.int64], shares: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The part at each position of the mixture, and the number of earlier positions with that part.

    Turn *j* of a part of share *s* is due at *(j + 1/2) / s*, and turns are ordered by their due times. Among the first
    *n* positions of *k* parts the part therefore has *ns* to within *(1 + ks) / 2*. The sequence repeats after
    ``sum(shares)`` positions.

    Parameters
    ----------
    numbers
        Positions, counted from 0.
    shares
        Result of ``integer_shares``.
    """
    part, earlier = _period(shares)
    period, position = np.divmod(numbers, len(part))
    return part[position], period * np.asarray(shares)[part[position]] + earlier[position]


def most_turns(positions: float, shares: Sequence[int]) -> list[float]:
    """The most sequences that each part has among the first positions, by the bound of ``interleave``.

    Parameters
    ----------
    positions
        Number of positions *n*.
    shares
        Result of ``integer_shares``.

    Examples
    --------
    >>> most_turns(100, (1, 3))
    [25.75, 76.25]
    """
    total, parts = sum(shares), len(shares)
    return [positions * share / total + (1 + parts * share / total) / 2 for share in shares]


@lru_cache(maxsize=4)
def _period(shares: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    counts = [np.arange(share, dtype=np.int32) for share in shares]
    due = np.concatenate([(count + 0.5) / share for count, share in zip(counts, shares, strict=True)])
    order = np.argsort(due, kind="stable")
    part = np.repeat(np.arange(len(shares), dtype=np.int32), shares)
    return part[order], np.concatenate(counts)[order]
