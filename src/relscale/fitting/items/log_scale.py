"""ln compute on a scale of the models that a line is fitted to."""

from dataclasses import dataclass

import numpy as np

from relscale.laws.law import Array


@dataclass(frozen=True)
class LogScale:
    """The scale on which ln compute has mean 0 and standard deviation 1 over some models.

    Examples
    --------
    >>> scale = LogScale.of(np.exp(np.array([1.0, 3.0])))
    >>> scale.at(np.exp(np.array([1.0, 2.0, 5.0])))
    array([-1.,  0.,  3.])
    """

    centre: float
    width: float

    @classmethod
    def of(cls, compute: Array) -> "LogScale":
        """The scale of models with these computes (n,)."""
        log_compute = np.log(compute)
        return cls(float(log_compute.mean()), float(log_compute.std()))

    def at(self, compute: Array | float) -> Array:
        """Computes on this scale."""
        return np.asarray((np.log(compute) - self.centre) / self.width)
