"""A law: a formula with named parameters, and everything needed to estimate them."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.laws.loglog import LogLogLaw

Array = NDArray[np.float64]
Formula = Callable[[Array, Array], Array]
Gap = Literal["ratio", "difference"]

MAX_START_POINTS = 4000  # points that starting points are sought on


@dataclass(frozen=True)
class Parameter:
    """One parameter of a law.

    Attributes
    ----------
    name, unit, meaning
        Name in the formula and in tables, unit, and description.
    low, high
        Bounds; a fit that ends on one is flagged.
    log
        Whether it is positive and searched in its logarithm, as amplitudes are that span decades.
    """

    name: str
    unit: str
    meaning: str = ""
    low: float = -inf
    high: float = inf
    log: bool = False


@dataclass(frozen=True)
class Law:
    """A formula ``y = value(theta, x)``, vectorised over any further axes (replicates, groups, starting points).

    ``relscale.laws.separable`` makes one from the terms of a formula that is linear in some parameters, and
    ``relscale.laws.implicit`` from an equation that y solves.

    Attributes
    ----------
    name
        Name in tables and configs, and of its file.
    formula
        One-line formula for display.
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
        From x (p, n) and y (n,) to starting points (s, q), for the data as they are: no units are assumed. They are
        asked for by ``starting_points``.
    source
        Paper and equation.
    traps
        Caveats: data needed to identify the parameters, and consequences if they are lacking.
    both
        The value and the derivatives, where these are cheaper together.
    linear
        The parameters that the formula is linear in once the others are known; these need no starting point of their
        own (variable projection).
    limits
        Bounds in the units of the data, beyond which a parameter is indistinguishable from one at the bound (a break
        far beyond the data, say): from x (p, n) and y (n,) to low and high, each (q,).
    reference
        Whether the predictor is compute over a reference compute inside the data.
    source_columns, make_predictors
        Where the predictors are no columns themselves: the columns that they are made of along one training, the step
        first, and how, from (m, n) by step to x (p, n), nan at steps that the law does not speak of.
    line
        Where the law is a straight line in the logarithms: what it is called there. Least squares of the logarithms
        then have a closed form (``relscale.fitting.inference.log_log_lines``).
    gap
        Whether y is how a group's error stands to that of its baseline, and how: their ratio or their difference.
    """

    name: str
    predictors: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    value: Formula
    jacobian: Formula
    starts: Formula
    source: str
    formula: str = ""
    traps: str = ""
    both: Callable[[Array, Array], tuple[Array, Array]] | None = None
    linear: tuple[str, ...] = ()
    limits: Callable[[Array, Array], tuple[Array, Array]] | None = None
    reference: bool = False
    source_columns: tuple[str, ...] = ()
    make_predictors: Callable[[Array], Array] | None = None
    line: LogLogLaw | None = None
    gap: Gap | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    def starting_points(self, x: Array, y: Array) -> Array:
        """Starting points (s, q) for a search over all points: ``starts`` of x (p, n) and y (n,), or of a sample.

        A grid tried on every point takes time and memory by both, and a start need not be exact. Of more than
        ``MAX_START_POINTS`` points so many are taken, evenly spread in the order of x, by its first predictor first.
        """
        if len(y) > MAX_START_POINTS:
            in_order = np.lexsort(x[::-1])
            rows = np.linspace(0, len(y) - 1, MAX_START_POINTS).round().astype(int)
            sample = np.sort(in_order[rows])
            x, y = x[:, sample], y[sample]
        return self.starts(x, y)


@dataclass(frozen=True)
class Family:
    """A law for every set of named predictors, with parameters that belong to predictors.

    Attributes
    ----------
    name, source
        As those of a law.
    prefix
        How the columns are called that its predictors are, such as ``share_``.
    of
        From the names of those columns to their law.
    before, further
        The predictors that come before them, such as ``params``, and prefixes of the further columns of each that come
        after them, such as ``unique_``.
    """

    name: str
    prefix: str
    of: Callable[[tuple[str, ...]], Law]
    source: str
    before: tuple[str, ...] = ()
    further: tuple[str, ...] = ()

    @property
    def example(self) -> Law:
        """The law of two columns, to be shown."""
        return self.of((f"{self.prefix}a", f"{self.prefix}b"))

    @property
    def pattern(self) -> str:
        """What its columns may be called: "params, tokens, share_…, unique_…"."""
        return ", ".join([*self.before, *(f"{prefix}…" for prefix in (self.prefix, *self.further))])

    def columns(self, named: tuple[str, ...]) -> tuple[str, ...]:
        """All predictors of the law of the columns ``named``."""
        names = [column.removeprefix(self.prefix) for column in named]
        return (*self.before, *named, *(f"{prefix}{name}" for prefix in self.further for name in names))

    def law(self, columns: tuple[str, ...]) -> Law:
        """The law of these columns, which are all of its predictors.

        Raises
        ------
        RelscaleError
            There are none, or not as many as it needs.
        """
        first = len(self.before)
        number, left = divmod(len(columns) - first, 1 + len(self.further))
        if number < 1 or left:
            raise RelscaleError(
                f"law {self.name}: it has parameters per predictor; name its columns under x, such as {self.pattern}"
            )
        return self.of(columns[first : first + number])
