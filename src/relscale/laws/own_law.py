"""User-defined laws from a Python function ``f(x, a, b)``, with one parameter per further argument."""

import inspect
from collections.abc import Callable
from itertools import product

import numpy as np

from relscale.errors import RelscaleError
from relscale.laws.derivatives import by_differences
from relscale.laws.law import Array, Law, Parameter

MAGNITUDES = (0.05, 0.3, 1.0, 5.0)  # starting values of a parameter without a default
MAX_STARTS = 256


def law_of(function: Callable[..., Array], predictor: str = "training_flops") -> Law:
    """Make a law from a function.

    Parameters
    ----------
    function
        The first argument is the predictor, an array; each further one is a parameter, whose default is the starting
        point. It is called with arrays that broadcast.

    Raises
    ------
    RelscaleError
        The function has no parameters.

    Examples
    --------
    >>> def shifted(x, a=1.0, b=0.1, c=0.5):
    ...     return c + a * x**-b
    >>> law_of(shifted).names
    ('a', 'b', 'c')
    """
    arguments = list(inspect.signature(function).parameters.values())[1:]
    if not arguments:
        raise RelscaleError(f"law: {_name(function)} has no parameters; write it as f(x, a, b)")
    names = [argument.name for argument in arguments]
    parameters = tuple(Parameter(name, "", "") for name in names)

    def value(theta: Array, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(function(x[0], *theta), dtype=float) + np.zeros(
                np.broadcast(x[0], theta[0]).shape
            )

    def starts(x: Array, y: Array) -> Array:
        grids = [
            MAGNITUDES if argument.default is inspect.Parameter.empty else (float(argument.default),)
            for argument in arguments
        ]
        grid = np.array(list(product(*grids)))
        step = -(-len(grid) // MAX_STARTS)
        return grid[::step]

    return Law(
        name=_name(function),
        predictors=(predictor,),
        parameters=parameters,
        value=value,
        jacobian=by_differences(value, parameters),
        starts=starts,
        source="a user-defined function",
        formula=f"{_name(function)}(x, {', '.join(names)})",
    ).pickled_as(law_of, function, predictor)


def _name(function: Callable[..., Array]) -> str:
    return getattr(function, "__name__", "user-defined law").strip("<>")
