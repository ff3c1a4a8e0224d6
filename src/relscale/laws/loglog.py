"""The closed form of a law that is a straight line in the logarithms: what it and its parameters are called."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LogLogLaw:
    """A law ``y(F) = level · (F / F_ref)^(sign · slope)`` of training compute F.

    The level belongs to a reference compute inside the data, not to one FLOP: an intercept 20 decades outside the
    data has no meaning and is almost perfectly correlated with the slope.

    Attributes
    ----------
    name, level, slope
        What the law and its two parameters are called in tables.
    sign
        −1 where a positive ``slope`` parameter means a fall, such as the β of ``α·F^(−β)``; else 1.
    """

    name: str
    level: str
    slope: str
    sign: int
