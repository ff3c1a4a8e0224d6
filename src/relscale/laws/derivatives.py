"""Numerical derivatives of a formula without analytic ones."""

from collections.abc import Callable, Sequence

import numpy as np

from relscale.laws.law import Array, Formula, Parameter

STEP = 6e-6  # about the cube root of double precision, where errors of rounding and truncation are equal


def central_differences(formula: Callable[[Array], Array], at: Array, parameter: Parameter) -> Array:
    """The derivative of ``formula`` by one parameter at ``at``, with a relative error of about 1e-10.

    The step is relative to the parameter if it is estimated in logs, else to max(1, |parameter|); the latter must not
    have a scale far below 1. The formula must be defined slightly beyond its bounds.
    """
    size = np.where(at == 0, 1.0, np.abs(at)) if parameter.log else np.maximum(np.abs(at), 1.0)
    step = STEP * size
    high, low = at + step, at - step
    return np.asarray((formula(high) - formula(low)) / (high - low))


def by_parameter(value: Formula, theta: Array, x: Array, i: int, parameter: Parameter) -> Array:
    """The derivative of a formula by its parameter ``i``, which is ``parameter``."""

    def of_changed(changed: Array) -> Array:
        return value(np.concatenate([theta[:i], changed[None], theta[i + 1 :]]), x)

    return central_differences(of_changed, theta[i], parameter)


def by_differences(value: Formula, parameters: Sequence[Parameter]) -> Formula:
    """The derivatives of a formula by each parameter, for ``Law.jacobian``."""

    def jacobian(theta: Array, x: Array) -> Array:
        rows = [by_parameter(value, theta, x, i, parameter) for i, parameter in enumerate(parameters)]
        return np.stack(np.broadcast_arrays(*rows))

    return jacobian


def empty_rows(count: int, theta: Array, x: Array) -> Array:
    """An empty array (count, n, ...) for theta (q, ...) and x (p, n, ...), contiguous per data set in memory.

    Matrix products per data set then need no copy.
    """
    data_sets = np.broadcast_shapes(theta.shape[1:], x.shape[2:])
    return np.moveaxis(np.empty((*data_sets, count, x.shape[1])), (-2, -1), (0, 1))
