"""The names of a law that is linear in logs, and of its parameters."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LogLogLaw:
    """A law ``y(F) = level · (F / F_ref)^(sign · slope)`` of training compute F.

    The level is y at a reference compute inside the data, not at one FLOP: an intercept 20 decades outside the data is
    almost perfectly correlated with the slope.

    Attributes
    ----------
    sign
        −1 if a positive ``slope`` parameter means a decrease, such as the β of ``α·F^(−β)``; else 1.
    """

    name: str
    level: str
    slope: str
    sign: int
