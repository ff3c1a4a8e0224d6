"""Laws that are linear in some parameters, built from their terms.

    y = Σ_k c_k · f_k(g; z),    z = coordinates(x), such as ln x

c are the linear parameters and g the others, each in the order of the law's parameters. The formula, its derivatives
and the starting points (the best grid points of g, each with its least-squares c) follow from the terms f and a grid of
g. A law may also give the formula and the derivatives explicitly, if that is faster or more exact.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from relscale.laws.derivatives import central_differences
from relscale.laws.law import Array, At, Formula, Gap, Law, Parameter
from relscale.laws.loglog import LogLogLaw
from relscale.laws.profile import COUNT, best_grid_points


def separable(
    name: str,
    predictors: tuple[str, ...],
    parameters: tuple[Parameter, ...],
    linear: tuple[str, ...],
    terms: Formula,
    grid: Callable[[Array], Array],
    source: str,
    *,
    coordinates: Callable[[Array], Array] = np.log,
    centre: Callable[[Array], Array] | None = None,
    signed: tuple[str, ...] = (),
    count: int = COUNT,
    value: Formula | None = None,
    jacobian: Formula | None = None,
    at: At | None = None,
    formula: str = "",
    traps: str = "",
    limits: Callable[[Array, Array], tuple[Array, Array]] | None = None,
    reference: bool = False,
    source_columns: tuple[str, ...] = (),
    make_predictors: Callable[[Array], Array] | None = None,
    line: LogLogLaw | None = None,
    gap: Gap | None = None,
) -> Law:
    """The law of these terms; the other arguments are those of ``Law``.

    Parameters
    ----------
    linear
        Names of the linear parameters.
    terms
        Function of g (r, ...) and z (p, n, ...) that returns the term of each linear parameter, (k, n, ...).
    grid
        Function of z (p, n) that returns the grid of g, (r, G); (0, 1) if all parameters are linear.
    coordinates
        Function of x that returns z.
    centre
        Function of z (p, n) that returns a point (p,) inside the data. Starting points are computed with z relative
        to it, where the terms have similar sizes. Only for terms that a shift of z multiplies by constants, such as
        ``exp(−α·z)``.
    signed
        Linear parameters whose starting points may be negative; the others start positive.
    count
        Number of starting points.
    """
    names = tuple(parameter.name for parameter in parameters)
    linear_rows = [names.index(symbol) for symbol in linear]
    nonlinear_rows = [i for i in range(len(names)) if i not in linear_rows]

    def columns(g: Array, z: Array) -> list[Array]:
        """The terms, broadcast to the common shape of g and z."""
        shape = np.broadcast_shapes(g.shape[1:], z.shape[1:])
        return [np.broadcast_to(term, shape) for term in terms(g, z)]

    def weighted_sum(theta: Array, x: Array) -> Array:
        values = columns(theta[nonlinear_rows], coordinates(x))
        return np.asarray(sum(c * term for c, term in zip(theta[linear_rows], values, strict=True)))

    def derivatives(theta: Array, x: Array) -> Array:
        z = coordinates(x)
        rows = [np.empty(0)] * len(names)
        for i, term in zip(linear_rows, columns(theta[nonlinear_rows], z), strict=True):
            rows[i] = term
        for i in nonlinear_rows:
            rows[i] = central_differences(
                partial(_with_parameter, weighted_sum, theta, x, i), theta[i], parameters[i]
            )
        return np.stack(np.broadcast_arrays(*rows))

    def starts(x: Array, y: Array) -> Array:
        z = coordinates(x)
        g = grid(z)
        middle = np.zeros(len(z)) if centre is None else centre(z)
        relative = columns(g[:, :, None], (z - middle[:, None])[:, None])
        coefficients, best = best_grid_points(
            np.stack(relative, axis=-1), y, tuple(linear.index(symbol) for symbol in signed), count
        )
        theta = np.empty((len(names), len(best)))
        theta[nonlinear_rows] = g[:, best]
        if centre is not None:
            at = [columns(g[:, best], point[:, None]) for point in (-middle, np.zeros(len(z)))]
            with np.errstate(all="ignore"):
                ratio = np.array(at[0]) / np.array(at[1])
            coefficients = coefficients * np.where(np.isfinite(ratio), ratio, 1.0)
        theta[linear_rows] = coefficients
        return theta.T

    return Law(
        name=name,
        predictors=predictors,
        parameters=parameters,
        value=value or weighted_sum,
        jacobian=jacobian or derivatives,
        at=at,
        starts=starts,
        source=source,
        formula=formula,
        traps=traps,
        linear=linear,
        limits=limits,
        reference=reference,
        source_columns=source_columns,
        make_predictors=make_predictors,
        line=line,
        gap=gap,
    )


def _with_parameter(value: Formula, theta: Array, x: Array, i: int, changed: Array) -> Array:
    """The formula with parameter ``i`` changed."""
    return value(np.concatenate([theta[:i], changed[None], theta[i + 1 :]]), x)
