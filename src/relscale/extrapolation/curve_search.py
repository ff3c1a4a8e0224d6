"""Search for the shape of y = E + b · shape(g; ln x) with E, b ≥ 0, for many curves at once.

    Q(g) = ½ Σ_i w_i ((E + b · shape_i(g)) / y_i − 1)²,    E and b by least squares for each g

g starts from the best few points of a grid; all searches of all curves then take their steps together. The derivatives
are those of the shape less their projection on the terms of E and b (variable projection; Golub and Pereyra, *SIAM J.
Numer. Anal.* 10 (1973) 413; Kaufman, *BIT* 15 (1975) 49).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relscale.extrapolation.curve import Curve
from relscale.fitting.estimation.levenberg_marquardt import OF_A_DRAW, minimise
from relscale.fitting.estimation.objective import Expansion, Indices
from relscale.laws.law import Array

BLOCK = 1 << 16  # numbers in an array of a block of a grid, so that it stays in the processor's cache
MOST_POINTS = 4096
SHORTEST_SPAN = 1e-3  # of ln x


@dataclass(frozen=True)
class Shape:
    """A factor of b as a function of g (r, ...) and ln x (...), relative to its centre on the curve.

    Attributes
    ----------
    value
        Function of the parameters, which broadcast, and ln x.
    slopes
        Function of the parameters, ln x and the value that returns the derivatives by each, (r, ...).
    exponents
        (E, k) grid of the first k parameters.
    bends
        (D, r − k) grid of the others, which are positions and widths in units of the span of ln x.
    low, high
        (r,) bounds, in the same units.
    centre
        Function of ln x (n,) that returns the centre.
    starts
        Number of grid points from which g is searched.
    """

    value: Callable[[Sequence[Array], Array], Array]
    slopes: Callable[[Sequence[Array], Array, Array], Array]
    exponents: Array
    bends: Array
    low: tuple[float, ...]
    high: tuple[float, ...]
    centre: Callable[[Array], float]
    starts: int

    def units(self, span: Array) -> Array:
        """The unit of each parameter, (r, m), for spans (m,)."""
        first = self.exponents.shape[1]
        return np.concatenate([np.ones((first, *span.shape)), np.tile(span, (self.bends.shape[1], 1))])


@dataclass(frozen=True)
class Linear:
    """E and b, each (m,), of m curves; √w · (fitted / y − 1) (n, m); an orthonormal basis (2, n, m) of their terms."""

    floor: Array
    scale: Array
    residual: Array
    basis: Array


@dataclass(frozen=True)
class Misfit:
    """The objective as a function of g, in units of the span, of m curves of up to n points.

    Attributes
    ----------
    log_x, y, root
        (n, m) ln x relative to the centre, y, and √w, which is 0 beyond the end of a shorter curve.
    span
        (m,) range of ln x.
    """

    shape: Shape
    log_x: Array
    y: Array
    root: Array
    span: Array

    @property
    def numbers(self) -> int:
        """Number of elements in the derivatives of one curve."""
        return len(self.shape.low) * len(self.y)

    @property
    def low(self) -> Array:
        """(r, 1) bounds."""
        return np.array(self.shape.low)[:, None]

    @property
    def high(self) -> Array:
        """(r, 1) bounds."""
        return np.array(self.shape.high)[:, None]

    @property
    def free(self) -> NDArray[np.bool_]:
        """(r,) all parameters are searched."""
        return np.ones(len(self.shape.low), dtype=bool)

    def scale(self, columns: Indices) -> Array:
        """√Σ w, (m,), relative to which a fit is exact."""
        return np.asarray(np.sqrt((self.root[:, columns] ** 2).sum(axis=0)))

    def linear(self, shapes: Array, columns: Indices) -> Linear:
        """E and b by least squares for the values (n, m) of the shape."""
        root = self.root[:, columns]
        constant = root / self.y[:, columns]
        term = constant * shapes
        size = np.sqrt((constant**2).sum(axis=0))
        unit = constant / size
        along = (unit * term).sum(axis=0)
        across = term - unit * along
        scale = (across * root).sum(axis=0) / (across**2).sum(axis=0)
        floor = ((unit * root).sum(axis=0) - along * scale) / size
        alone = ~((floor > 0) & np.isfinite(floor) & (scale > 0))
        floor = np.where(alone, 0.0, floor)
        scale = np.where(alone, (term * root).sum(axis=0) / (term**2).sum(axis=0), scale)
        other = np.where(alone, term, across)
        basis = np.stack([np.where(alone, 0.0, unit), other / np.sqrt((other**2).sum(axis=0))])
        return Linear(floor, scale, floor * constant + scale * term - root, basis)

    def expansion(self, u: Array, columns: Indices, below: Array | None = None) -> Expansion:
        """Q around u (r, m), to second order as far as the shape is linear."""
        units, log_x = self.shape.units(self.span[columns]), self.log_x[:, columns]
        g = list((u * units)[:, None])
        shapes = self.shape.value(g, log_x)
        linear = self.linear(shapes, columns)
        jacobian = self.shape.slopes(g, log_x, shapes) * units[:, None]
        jacobian *= linear.scale * self.root[:, columns] / self.y[:, columns]
        for vector in linear.basis:
            jacobian -= vector * (vector * jacobian).sum(axis=1, keepdims=True)
        jacobian = np.where(np.isfinite(jacobian), jacobian, 0.0)
        squares = (linear.residual**2).sum(axis=0)
        return Expansion(
            cost=np.where(np.isfinite(squares), squares / 2, np.inf),
            gradient=(jacobian * linear.residual).sum(axis=1),
            curvature=np.einsum("inm,jnm->mij", jacobian, jacobian),
            size=(jacobian**2).sum(axis=1),
            influence=squares,
        )


def searched(shape: Shape, curves: Sequence[Curve]) -> list[Array]:
    """The forecast of each curve at its targets. Curves of about the same length are searched together."""
    of_length = defaultdict(list)
    for i, curve in enumerate(curves):
        of_length[len(curve.y).bit_length()].append(i)
    result: list[Array] = [np.empty(0)] * len(curves)
    for some in of_length.values():
        for i, forecast in zip(some, _together(shape, [curves[i] for i in some]), strict=True):
            result[i] = forecast
    return result


def _together(shape: Shape, curves: Sequence[Curve]) -> list[Array]:
    """The forecasts of curves, padded to the length of the longest."""
    longest = max(len(curve.y) for curve in curves)
    centre = np.array([shape.centre(curve.log_x) for curve in curves])
    span = np.array([max(float(np.ptp(curve.log_x)), SHORTEST_SPAN) for curve in curves])

    def padded(arrays: Sequence[Array], value: float) -> Array:
        return np.stack([np.pad(a, (0, longest - len(a)), constant_values=value) for a in arrays], axis=1)

    misfit = Misfit(
        shape=shape,
        log_x=padded([curve.log_x - middle for curve, middle in zip(curves, centre, strict=True)], 0.0),
        y=padded([curve.y for curve in curves], 1.0),
        root=padded([np.sqrt(curve.weight) for curve in curves], 0.0),
        span=span,
    )
    grid = np.array([[*exponents, *bends] for bends in shape.bends for exponents in shape.exponents])
    starts = np.stack([grid[_best(misfit, j, len(c.y))] for j, c in enumerate(curves)], axis=-1)  # (s, r, m)
    columns = np.arange(len(curves))
    start = starts.transpose(1, 0, 2).reshape(grid.shape[1], -1)
    minima = minimise(misfit, start, np.tile(columns, shape.starts), OF_A_DRAW)
    lowest = minima.cost.reshape(shape.starts, -1).argmin(axis=0) * len(curves) + columns
    g = minima.u[:, lowest] * shape.units(span)
    linear = misfit.linear(shape.value(list(g[:, None]), misfit.log_x), columns)
    return [
        linear.floor[j] + linear.scale[j] * shape.value(list(g[:, j, None]), curve.at - centre[j])
        for j, curve in enumerate(curves)
    ]


def _best(misfit: Misfit, j: int, points: int) -> Indices:
    """The ``starts`` best points of the grid for curve ``j``, all exponents of the first bend first.

    They are where searches of all points start; of a longer curve ``MOST_POINTS`` points, evenly spaced by rank, select
    them.
    """
    shape = misfit.shape
    rows = np.arange(points)
    if points > MOST_POINTS:
        order = np.argsort(misfit.log_x[:points, j], kind="stable")
        rows = order[np.linspace(0, points - 1, MOST_POINTS).round().astype(int)]
        points = MOST_POINTS
    log_x, y, weight = misfit.log_x[rows, j], misfit.y[rows, j], misfit.root[rows, j] ** 2
    bends, exponents = shape.bends * misfit.span[j], shape.exponents
    off = np.empty((len(bends), len(exponents)))
    for some in blocks(len(exponents), points):
        for bent in blocks(len(bends), points * len(exponents[some])):
            g = [*exponents[some].T[:, None, :, None], *bends[bent].T[:, :, None, None]]
            off[bent, some] = _misfits(shape.value(g, log_x), y, weight)
    return np.argsort(off.ravel())[: shape.starts]


def blocks(count: int, numbers: int) -> Iterator[slice]:
    """Blocks of a grid of ``count`` shapes of ``numbers`` numbers each."""
    size = max(1, BLOCK // numbers)
    return (slice(first, first + size) for first in range(0, count, size))


def _misfits(shapes: Array, y: Array, weight: Array) -> Array:
    """(...) weighted squares of the errors relative to y of ``E + b · shapes`` (..., n); infinite without a number."""
    w = weight / y**2
    s0, s1, s2 = w.sum(), shapes @ w, shapes**2 @ w
    t0, t1 = w @ y, shapes @ (w * y)
    determinant = s0 * s2 - s1**2
    floor, scale = (t0 * s2 - t1 * s1) / determinant, (s0 * t1 - s1 * t0) / determinant
    alone = ~((floor > 0) & np.isfinite(floor) & (scale > 0))
    floor, scale = np.where(alone, 0.0, floor), np.where(alone, t1 / s2, scale)
    misfit = (floor[..., None] + scale[..., None] * shapes - y) ** 2 @ w
    return np.where(np.isfinite(misfit) & (scale > 0), misfit, np.inf)
