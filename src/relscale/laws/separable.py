"""Laws that are linear in some parameters: their terms, given the others, are all that needs to be written down.

    y = Σ_k c_k · f_k(g; z),    z = coordinates(x), such as ln x

c are the linear parameters and g the others, each in the order in which the law declares them. From the terms f and a
grid of g follow the formula, its derivatives, and starting points: the best of the grid, each with its least-squares c.
A law may give formula and derivatives by hand where they are then faster or more exact.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from relscale.laws.derivatives import central_differences
from relscale.laws.law import Array, Formula, Gap, Law, Parameter
from relscale.laws.loglog import LogLogLaw
from relscale.laws.profile import COUNT, ranked


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
    formula: str = "",
    traps: str = "",
    limits: Callable[[Array, Array], tuple[Array, Array]] | None = None,
    reference: bool = False,
    source_columns: tuple[str, ...] = (),
    make_predictors: Callable[[Array], Array] | None = None,
    line: LogLogLaw | None = None,
    gap: Gap | None = None,
) -> Law:
    """The law of these terms.

    Parameters
    ----------
    linear
        Names of the linear parameters.
    terms
        From g (r, ...) and z (p, n, ...) to what each linear parameter is multiplied with, (k, n, ...).
    grid
        From z (p, n) to values of g that are tried, (r, G); (0, 1) where all parameters are linear.
    coordinates
        From x to z.
    centre
        From z (p, n) to a point (p,) amid the data that z is taken relative to while c is solved for, for terms that
        this multiplies by a number each, as ``exp(−α·z)``: there the terms are of one size.
    signed
        Linear parameters that a starting point may give either sign; the others start positive.
    count
        Starting points.
    """
    names = tuple(parameter.name for parameter in parameters)
    of_linear = [names.index(symbol) for symbol in linear]
    of_others = [i for i in range(len(names)) if i not in of_linear]

    def columns(g: Array, z: Array) -> list[Array]:
        """The terms, each of the shape that g and z have together."""
        shape = np.broadcast_shapes(g.shape[1:], z.shape[1:])
        return [np.broadcast_to(term, shape) for term in terms(g, z)]

    def of_terms(theta: Array, x: Array) -> Array:
        values = columns(theta[of_others], coordinates(x))
        return np.asarray(sum(c * term for c, term in zip(theta[of_linear], values, strict=True)))

    def derivatives(theta: Array, x: Array) -> Array:
        z = coordinates(x)
        rows = [np.empty(0)] * len(names)
        for i, term in zip(of_linear, columns(theta[of_others], z), strict=True):
            rows[i] = term
        for i in of_others:
            rows[i] = central_differences(partial(_along, of_terms, theta, x, i), theta[i], parameters[i])
        return np.stack(np.broadcast_arrays(*rows))

    def starts(x: Array, y: Array) -> Array:
        z = coordinates(x)
        g = grid(z)
        middle = np.zeros(len(z)) if centre is None else centre(z)
        relative = columns(g[:, :, None], (z - middle[:, None])[:, None])
        coefficients, best = ranked(
            np.stack(relative, axis=-1), y, tuple(linear.index(symbol) for symbol in signed), count
        )
        theta = np.empty((len(names), len(best)))
        theta[of_others] = g[:, best]
        if centre is not None:
            at = [columns(g[:, best], point[:, None]) for point in (-middle, np.zeros(len(z)))]
            with np.errstate(all="ignore"):
                ratio = np.array(at[0]) / np.array(at[1])
            coefficients = coefficients * np.where(np.isfinite(ratio), ratio, 1.0)
        theta[of_linear] = coefficients
        return theta.T

    return Law(
        name=name,
        predictors=predictors,
        parameters=parameters,
        value=value or of_terms,
        jacobian=jacobian or derivatives,
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


def _along(value: Formula, theta: Array, x: Array, i: int, changed: Array) -> Array:
    """The formula with parameter ``i`` changed."""
    return value(np.concatenate([theta[:i], changed[None], theta[i + 1 :]]), x)
