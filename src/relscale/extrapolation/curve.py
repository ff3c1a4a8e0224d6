"""Curves of one predictor: a function of one curve becomes a forecast of a table of curves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from relscale.extrapolation.table import NO_ROWS, Table
from relscale.laws.law import Array

OCTAVE = np.log(2)


@dataclass(frozen=True)
class Curve:
    """ln x, y and the weights of the n points of a curve, and ln x of m targets."""

    log_x: Array
    y: Array
    weight: Array
    at: Array


# Functions that return y at the targets: of one curve's ``log_x``, ``y``, ``weight`` and ``at``, and of several curves.
OfCurve = Callable[[Array, Array, Array, Array], Array]
OfCurves = Callable[[Sequence[Curve]], list[Array]]


def each(forecast: OfCurve) -> OfCurves:
    """The forecast of each curve separately."""
    return lambda curves: [forecast(curve.log_x, curve.y, curve.weight, curve.at) for curve in curves]


def by_curve(
    forecast: OfCurves, half_life: float = np.inf, floor: int = 2
) -> Callable[[Table, Table], Array]:
    """Forecast the curves of a table.

    Parameters
    ----------
    half_life
        Octaves of x before the last point at which a point has half the weight.
    floor
        Minimum number of distinct x per curve.
    """

    def of_table(known: Table, at: Table) -> Array:
        curves, targets = [], []
        for group, target in at.rows_of.items():
            of_group = known.rows_of.get(group, NO_ROWS)
            log_x, y = np.log(known.x[0, of_group]), known.y[of_group]
            if len(np.unique(log_x)) < floor:
                continue
            weight = 0.5 ** ((log_x.max() - log_x) / (half_life * OCTAVE))
            curves.append(Curve(log_x, y, weight, np.log(at.x[0, target])))
            targets.append(target)
        result = np.full(len(at), np.nan)
        with np.errstate(all="ignore"):
            for target, ahead in zip(targets, forecast(curves), strict=True):
                result[target] = ahead
        return result

    return of_table
