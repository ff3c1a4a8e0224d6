"""What a law is: a formula with named parameters, and all that estimating them needs."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a law.

    Attributes
    ----------
    name, unit
        As in the law's formula and in tables.
    low, high
        Bounds; a fit that ends on one is flagged.
    log
        Whether it is positive and searched in its logarithm, as amplitudes are that span decades.
    """

    name: str
    unit: str
    low: float = -inf
    high: float = inf
    log: bool = False


@dataclass(frozen=True)
class Law:
    """A formula ``y = value(theta, x)``, vectorised over any further axes (replicates, groups, starting points).

    Attributes
    ----------
    name
        What tables and configs call it; the name of its file.
    predictors
        What x holds, in order: columns of the measurement table such as ``training_flops``, ``params``, ``tokens``, or
        ``loss`` for a law from one measured number to another.
    parameters
        In the order of theta.
    value
        From theta (q, ...) and x (p, n, ...) to y (n, ...); the axes ``...`` broadcast.
    jacobian
        From the same to the derivatives of y by theta, (q, n, ...).
    starts
        From x (p, n) and y (n,) to starting points (s, q), for the data as they are: no units are assumed.
    identifiable
        The parameters, or the names of their combinations, that data over the law's whole range fix.
    source
        Paper and equation.
    linear
        The parameters that the formula is linear in once the others are known; these need no starting point of their
        own (variable projection).
    limits
        Bounds in the units of the data, for parameters that the data can not tell from one at the bound (a break far
        beyond them, say): from x (p, n) and y (n,) to low and high, each (q,).
    reference
        Whether the predictor is compute over a reference compute inside the data.
    made_of, make
        Where the predictors are no columns themselves: the columns that they are made of along one training, the step
        first, and how, from (m, n) by step to x (p, n), nan at steps that the law does not speak of.
    """

    name: str
    predictors: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    value: Callable[[Array, Array], Array]
    jacobian: Callable[[Array, Array], Array]
    starts: Callable[[Array, Array], Array]
    identifiable: tuple[str, ...]
    source: str
    linear: tuple[str, ...] = ()
    limits: Callable[[Array, Array], tuple[Array, Array]] | None = None
    reference: bool = False
    made_of: tuple[str, ...] = ()
    make: Callable[[Array], Array] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(parameter.name for parameter in self.parameters)
