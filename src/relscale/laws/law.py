"""A law: a formula with named parameters, and everything needed to estimate them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.laws.loglog import LogLogLaw

Array = NDArray[np.float64]
Formula = Callable[[Array, Array], Array]
DataSets = NDArray[np.int64] | slice  # positions along the last axis of theta
ALL = slice(None)
# Of factors (n, ...) of some data sets, and these: their derivatives (q, n, ...), each times the factor of its point.
Slopes = Callable[[Array, DataSets], Array]
At = Callable[[Array], Callable[[Array], tuple[Array, Slopes]]]
Gap = Literal["ratio", "difference"]

MAX_START_POINTS = 4000  # maximum number of points used to find starting points


@dataclass(frozen=True)
class Parameter:
    """One parameter of a law.

    Attributes
    ----------
    low, high
        Bounds; a fit that ends on one is flagged.
    log
        Whether it is positive and estimated in logs, for example an amplitude that spans decades.
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

    ``relscale.laws.separable`` builds one from the terms of a formula that is linear in some parameters, and
    ``relscale.laws.implicit`` from an equation for y.

    Attributes
    ----------
    name
        Name in tables and configs, and of its file.
    predictors
        The rows of x, in order: columns of the measurement table such as ``training_flops``, ``params``, ``tokens``, or
        ``loss`` for a law from one metric to another.
    parameters
        Parameters, in the order of theta.
    value
        Function of theta (q, ...) and x (p, n, ...) that returns y (n, ...); the axes ``...`` broadcast.
    jacobian
        Function of theta and x that returns the derivatives of y by theta, (q, n, ...).
    starts
        Function of x (p, n) and y (n,), in any units, that returns starting points (s, q); called by
        ``starting_points``.
    traps
        Caveats: data needed to identify the parameters, and consequences if they are lacking.
    at
        If value and derivatives share work: function of x that returns a function of theta that returns the value, and
        a function of factors of the points that returns the derivatives times these, of some of the data sets. What
        depends on x alone is computed once, and what only the derivatives need when they are asked for.
    other_optima
        If the sum of squares has several minima: function of optima (q, B) of B data sets, x (p, n), y and weights
        (n, B) or (n, 1) that returns for each a point (q, B) from which a search may end in a lower one.
    linear
        The parameters in which the formula is linear given the others; they need no starting point of their
        own (variable projection).
    projects
        Whether least squares search again by variable projection if few starting points agree, because linear and
        other parameters share a curved valley in which a search of all of them hardly moves.
    limits
        Bounds in the units of the data, beyond which a parameter is indistinguishable from one at the bound (a break
        far beyond the data, say): function of x (p, n) and y (n,) that returns low and high, each (q,).
    reference
        Whether the predictor is compute divided by a reference compute inside the data.
    source_columns, make_predictors
        For predictors computed from a training curve: the columns that they are computed from, the step
        first, and a function of these (m, n), sorted by step, that returns x (p, n), nan at steps outside the law's
        domain.
    line
        For a law that is linear in logs: the names of its line. Least squares of the logarithms
        then have a closed form (``relscale.fitting.inference.log_log_lines``).
    gap
        For a law of gaps: whether y is the ratio or the difference of a group's error and its baseline's.
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
    at: At | None = None
    other_optima: Callable[[Array, Array, Array, Array], Array] | None = None
    linear: tuple[str, ...] = ()
    projects: bool = False
    limits: Callable[[Array, Array], tuple[Array, Array]] | None = None
    reference: bool = False
    source_columns: tuple[str, ...] = ()
    make_predictors: Callable[[Array], Array] | None = None
    line: LogLogLaw | None = None
    gap: Gap | None = None
    # The call as which it is pickled; no field, so that ``dataclasses.replace`` does not keep it.
    _call: ClassVar[tuple[Callable[..., "Law"], tuple[object, ...]] | None] = None

    def pickled_as(self, function: Callable[..., "Law"], *arguments: object) -> "Law":
        """The same law, which is pickled as this call that returns it, because its own functions may be closures."""
        law = replace(self)
        object.__setattr__(law, "_call", (function, arguments))
        return law

    def __reduce__(self) -> str | tuple[Any, ...]:
        """The call that returns it; without one, its fields."""
        return self._call or super().__reduce__()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The columns of a table that the predictors are, or are computed from."""
        return self.source_columns or self.predictors

    def with_derivatives(self, x: Array) -> Callable[[Array], tuple[Array, Slopes]]:
        """The function of theta (q, ...) that returns the value (n, ...) at x and its derivatives: see ``at``."""
        if self.at:
            return self.at(x)
        return lambda theta: (
            self.value(theta, x),
            lambda factor, of: self.jacobian(theta[..., of], _of_data_sets(x, of)) * factor,
        )

    def starting_points(self, x: Array, y: Array) -> Array:
        """Starting points (s, q): ``starts`` of x (p, n) and y (n,), or of a sample of the points.

        Time and memory of a grid search grow with the points, and starts need not be exact. For more than
        ``MAX_START_POINTS`` points, as many are sampled evenly in the order of x, sorted by its first predictor first.
        """
        if len(y) > MAX_START_POINTS:
            in_order = np.lexsort(x[::-1])
            rows = np.linspace(0, len(y) - 1, MAX_START_POINTS).round().astype(int)
            sample = np.sort(in_order[rows])
            x, y = x[:, sample], y[sample]
        with np.errstate(all="ignore"):  # points of a grid may overflow
            return self.starts(x, y)


def _of_data_sets(x: Array, of: DataSets) -> Array:
    """x (p, n, B) of some data sets; x (p, n, 1) or (p, n) is that of all."""
    return x if x.ndim == 2 or x.shape[2] == 1 else x[..., of]


def computed_together(value_and_jacobian: Callable[[Array, Array], tuple[Array, Array]]) -> At:
    """``Law.at`` of a function of theta and x that returns the value and the derivatives."""

    def at(x: Array) -> Callable[[Array], tuple[Array, Slopes]]:
        def of(theta: Array) -> tuple[Array, Slopes]:
            value, rows = value_and_jacobian(theta, x)
            return value, lambda factor, of: rows[..., of] * factor

        return of

    return at


@dataclass(frozen=True)
class Family:
    """A family of laws: one law per set of named predictors, with parameters per predictor.

    Attributes
    ----------
    prefix
        Prefix of the columns of its predictors, such as ``share_``.
    make_law
        Function of the names of these columns that returns their law.
    first_predictors
        Predictors before these columns, such as ``params``.
    extra_prefixes
        Prefixes of further columns per predictor, after these columns, such as ``unique_``.
    total
        Name of the sum of these columns, if they are amounts instead of shares of 1.
    """

    name: str
    prefix: str
    make_law: Callable[[tuple[str, ...]], Law]
    source: str
    first_predictors: tuple[str, ...] = ()
    extra_prefixes: tuple[str, ...] = ()
    total: str = ""

    @property
    def example(self) -> Law:
        """The law of two columns, for display."""
        return self.make_law((f"{self.prefix}a", f"{self.prefix}b"))

    @property
    def pattern(self) -> str:
        """The pattern of its columns' names: "params, tokens, share_…, unique_…"."""
        return ", ".join(
            [*self.first_predictors, *(f"{prefix}…" for prefix in (self.prefix, *self.extra_prefixes))]
        )

    def columns(self, named: tuple[str, ...]) -> tuple[str, ...]:
        """All predictors of the law for the columns ``named``."""
        names = [column.removeprefix(self.prefix) for column in named]
        return (
            *self.first_predictors,
            *named,
            *(f"{prefix}{name}" for prefix in self.extra_prefixes for name in names),
        )

    def law(self, columns: tuple[str, ...]) -> Law:
        """The law whose predictors are these columns; errors as for ``named``."""
        return self.make_law(self.named(columns))

    def named(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """The columns of shares or amounts among all predictors, the inverse of ``columns``.

        Raises
        ------
        RelscaleError
            There are no columns, or not the required number.
        """
        first = len(self.first_predictors)
        number, remainder = divmod(len(columns) - first, 1 + len(self.extra_prefixes))
        if number < 1 or remainder:
            raise RelscaleError(
                f"law {self.name}: it has parameters per predictor; name its columns under x, such as {self.pattern}"
            )
        return columns[first : first + number]
