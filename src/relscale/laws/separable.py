"""Laws that are linear in some parameters, built from their terms.

    y = Σ_k c_k · f_k(g; z),    z = coordinates(x), such as ln x

c are the linear parameters and g the others, each in the order of the law's parameters. The formula, its derivatives
and the starting points (the best grid points of g, each with its least-squares c) follow from the terms f and a grid of
g. A law may also give the formula and the derivatives explicitly, if that is faster or more exact.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from relscale.laws.derivatives import by_parameter
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
    """
    names = tuple(parameter.name for parameter in parameters)
    linear_rows = [names.index(symbol) for symbol in linear]
    form = _Separable(
        parameters=parameters,
        linear=linear_rows,
        nonlinear=[i for i in range(len(names)) if i not in linear_rows],
        terms=terms,
        grid=grid,
        coordinates=coordinates,
        centre=centre,
        signed=tuple(linear.index(symbol) for symbol in signed),
        count=count,
    )
    return Law(
        name=name,
        predictors=predictors,
        parameters=parameters,
        value=value or form.value,
        jacobian=jacobian or form.jacobian,
        at=at,
        starts=form.starts,
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


@dataclass(frozen=True)
class _Separable:
    """The terms and the grid of a law, with the rows of its parameters that are linear and that are not."""

    parameters: tuple[Parameter, ...]
    linear: list[int]
    nonlinear: list[int]
    terms: Formula
    grid: Callable[[Array], Array]
    coordinates: Callable[[Array], Array]
    centre: Callable[[Array], Array] | None
    signed: tuple[int, ...]
    count: int

    def columns(self, g: Array, z: Array) -> list[Array]:
        """The terms, broadcast to the common shape of g and z."""
        shape = np.broadcast_shapes(g.shape[1:], z.shape[1:])
        return [np.broadcast_to(term, shape) for term in self.terms(g, z)]

    def value(self, theta: Array, x: Array) -> Array:
        """The sum of the terms, each times its linear parameter."""
        columns = self.columns(theta[self.nonlinear], self.coordinates(x))
        return np.asarray(sum(c * term for c, term in zip(theta[self.linear], columns, strict=True)))

    def jacobian(self, theta: Array, x: Array) -> Array:
        """The terms, and central differences of the nonlinear parameters."""
        rows = [np.empty(0)] * len(self.parameters)
        columns = self.columns(theta[self.nonlinear], self.coordinates(x))
        for i, term in zip(self.linear, columns, strict=True):
            rows[i] = term
        for i in self.nonlinear:
            rows[i] = by_parameter(self.value, theta, x, i, self.parameters[i])
        return np.stack(np.broadcast_arrays(*rows))

    def starts(self, x: Array, y: Array) -> Array:
        """The best grid points with their least-squares linear parameters."""
        z = self.coordinates(x)
        g = self.grid(z)
        middle = np.zeros(len(z)) if self.centre is None else self.centre(z)
        relative = self.columns(g[:, :, None], (z - middle[:, None])[:, None])
        coefficients, best = best_grid_points(np.stack(relative, axis=-1), y, self.signed, self.count)
        theta = np.empty((len(self.parameters), len(best)))
        theta[self.nonlinear] = g[:, best]
        if self.centre is not None:
            shifted, here = (self.columns(g[:, best], at[:, None]) for at in (-middle, np.zeros(len(z))))
            with np.errstate(all="ignore"):
                ratio = np.array(shifted) / np.array(here)
            coefficients = coefficients * np.where(np.isfinite(ratio), ratio, 1.0)
        theta[self.linear] = coefficients
        return theta.T
