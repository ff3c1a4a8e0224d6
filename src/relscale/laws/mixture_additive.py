"""Additive mixture law: the loss on a target as a function of the shares of the training data's parts.

    L = E + 1 / Σ_i C_i · h_i^γ_i

Every part lowers the loss, with diminishing returns; a part with share 0 has no effect. The law is built for any set of
parts.

Source: Shukor et al., *Scaling Laws for Optimal Data Mixtures*, arXiv 2507.09404.
"""

from collections.abc import Callable

import numpy as np

from relscale.laws.additive_effects import at, jacobian, value
from relscale.laws.law import Array, Family, Law, Parameter
from relscale.laws.other_optima import other_optima

STARTS = ((0.0, 0.3), (0.7, 0.3), (0.5, 1.0), (0.9, 0.5))  # E as a share of the lowest loss, and γ
SMALLEST, LARGEST = np.exp(-11), np.exp(7)  # C, in units of 1 / y
SHALLOWEST, STEEPEST = np.exp(-5), np.exp(2)  # γ
SOURCE = "Shukor et al., arXiv 2507.09404"
FORMULA = "L = E + 1 / Σ C_i · h_i^γ_i"
TRAPS = (
    "C and γ of a part with a constant share are not identified; many end on a bound, which hardly affects "
    "predictions. The optimum can be outside the measured mixtures."
)


def starts(x: Array, y: Array) -> Array:
    """Equal effects of all parts, at several floors and exponents; few starts suffice."""
    count, points = len(x), []
    for share, gamma in STARTS:
        floor = share * y.min()
        points.append([floor, *np.full(count, 1 / (y - floor).mean()), *np.full(count, gamma)])
    return np.array(points)


def bounds_of_weights(least: float, most: float) -> Callable[[Array, Array], tuple[Array, Array]]:
    """Bounds of C_i from bounds in units of 1 / y."""

    def limits(x: Array, y: Array) -> tuple[Array, Array]:
        unit, count = 1 / y.mean(), len(x)
        low, high = np.full(1 + 2 * count, -np.inf), np.full(1 + 2 * count, np.inf)
        low[1 : 1 + count], high[1 : 1 + count] = least * unit, most * unit
        return low, high

    return limits


def make_law(columns: tuple[str, ...]) -> Law:
    """The law of these parts."""
    parts = [column.removeprefix("share_") for column in columns]
    return Law(
        name="mixture_additive",
        predictors=columns,
        parameters=(
            Parameter("E", "unit of the loss", "the irreducible loss", low=0),
            *(
                Parameter(f"C_{p}", "1 / unit of the loss", f"the effect of {p} alone", low=0, log=True)
                for p in parts
            ),
            *(
                Parameter(f"gamma_{p}", "none", f"the exponent of {p}", SHALLOWEST, STEEPEST, log=True)
                for p in parts
            ),
        ),
        value=value,
        jacobian=jacobian,
        at=at,
        other_optima=other_optima,
        starts=starts,
        limits=bounds_of_weights(SMALLEST, LARGEST),
        source=SOURCE,
        formula=FORMULA,
        traps=TRAPS,
    )


LAW = Family(name="mixture_additive", prefix="share_", make_law=make_law, source=SOURCE)
