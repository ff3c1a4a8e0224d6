"""Estimation, intervals and the compute-optimal frontier."""

from relscale.fitting.fit import fit
from relscale.fitting.fits import Fits, read, write

__all__ = ["Fits", "fit", "read", "write"]
