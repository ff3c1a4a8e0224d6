"""Direction of a gap over the fitted range.

The gap is ``|ln G(F)|``, so it closes if ``Δβ · ln G(F) < 0`` and widens if that is positive. ln G is a line in ln F:
if it has the same sign at both ends of the range, it has it between them.
"""

import math
from collections.abc import Iterable
from enum import StrEnum


class Direction(StrEnum):
    """Whether a gap closes or widens; unclear if an interval leaves it open."""

    CLOSES = "closes"
    WIDENS = "widens"
    UNCLEAR = "unclear"


Limits = tuple[float, float]


def direction(delta_beta: Limits, log_ratios: Iterable[Limits]) -> Direction | None:
    """Whether the gap closes or widens over the range; None if an interval is missing.

    Parameters
    ----------
    log_ratios
        Limits of ln G at computes that span the range (its two ends and the reference).
    """
    log_ratios = list(log_ratios)
    if any(math.isnan(limit) for limits in (delta_beta, *log_ratios) for limit in limits):
        return None
    signs = {sign_of(limits) for limits in log_ratios}
    trend = sign_of(delta_beta)
    if trend == 0 or len(signs) != 1 or 0 in signs:
        return Direction.UNCLEAR
    return Direction.CLOSES if trend * signs.pop() < 0 else Direction.WIDENS


def sign_of(limits: Limits) -> int:
    """1 or −1 if both limits are on one side of 0, else 0."""
    low, high = limits
    return 1 if low > 0 else -1 if high < 0 else 0
