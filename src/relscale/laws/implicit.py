"""Laws whose value y is the solution of an equation h(y; θ, x) = 0 without a closed form.

The derivatives are those of the implicit function: ``∂y/∂θ = −(∂h/∂θ) / (∂h/∂y)``.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from relscale.laws.derivatives import by_differences, central_differences
from relscale.laws.law import Array, Formula, Parameter

Equation = Callable[[Array, Array, Array], Array]
MAX_HALVINGS = 200  # 64 reach double precision if both ends of the bracket have the same sign
RESPONSE = Parameter("y", "", log=True)


def implicit(
    equation: Equation, bracket: Formula, parameters: tuple[Parameter, ...]
) -> tuple[Formula, Formula]:
    """The value and the derivatives of a law, for ``Law.value`` and ``Law.jacobian``.

    Parameters
    ----------
    equation
        Function of y (n, ...), theta (q, ...) and x (p, n, ...) that returns h (n, ...), continuous in y.
    bracket
        Function of theta and x that returns two values of y, (2, n, ...), at which h has different signs; otherwise y
        is nan.
    """

    def value(theta: Array, x: Array) -> Array:
        low, high = (np.array(side, dtype=float) for side in np.broadcast_arrays(*bracket(theta, x)))
        at_low, at_high = equation(low, theta, x), equation(high, theta, x)
        solvable = np.sign(at_low) * np.sign(at_high) <= 0
        low, high = np.where(at_high == 0, high, low), np.where(at_low == 0, low, high)
        for _ in range(MAX_HALVINGS):
            middle = low + (high - low) / 2
            if ((middle == low) | (middle == high) | ~solvable).all():
                break
            below = np.sign(equation(middle, theta, x)) == np.sign(at_low)
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.where(solvable, low + (high - low) / 2, np.nan)

    def jacobian(theta: Array, x: Array) -> Array:
        y = value(theta, x)

        def with_y(changed: Array) -> Array:
            return equation(changed, theta, x)

        return -by_differences(partial(equation, y), parameters)(theta, x) / central_differences(
            with_y, y, RESPONSE
        )

    return value, jacobian
