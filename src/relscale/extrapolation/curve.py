"""Curves of one predictor: a function of one curve becomes a forecast of a table of curves."""

from collections.abc import Callable

import numpy as np

from relscale.extrapolation.table import NO_ROWS, Table
from relscale.laws.law import Array

# Function of a curve's ln x (n,), y (n,) and weights (n,), and of target ln x (m,), that returns y at the targets.
OfCurve = Callable[[Array, Array, Array, Array], Array]

OCTAVE = np.log(2)


def by_curve(forecast: OfCurve, half_life: float = np.inf, floor: int = 2) -> Callable[[Table, Table], Array]:
    """Forecast each curve separately.

    Parameters
    ----------
    half_life
        Octaves of x before the last point at which a point has half the weight.
    floor
        Minimum number of distinct x per curve.
    """

    def of_table(known: Table, at: Table) -> Array:
        result = np.full(len(at), np.nan)
        for group, target in at.rows_of.items():
            of_group = known.rows_of.get(group, NO_ROWS)
            log_x, y = np.log(known.x[0, of_group]), known.y[of_group]
            if len(np.unique(log_x)) < floor:
                continue
            weight = 0.5 ** ((log_x.max() - log_x) / (half_life * OCTAVE))
            with np.errstate(all="ignore"):
                result[target] = forecast(log_x, y, weight, np.log(at.x[0, target]))
        return result

    return of_table
