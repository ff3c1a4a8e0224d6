"""Laws that are straight lines in the logarithms: what they share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


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

    def value(
        self, flops: ArrayLike, level: ArrayLike, slope: ArrayLike, reference: ArrayLike
    ) -> NDArray[np.float64]:
        """The law at ``flops``, in the unit of ``level``; all arguments broadcast."""
        return np.asarray(level) * (np.asarray(flops) / reference) ** (self.sign * np.asarray(slope))
