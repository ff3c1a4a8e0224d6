"""Errors E(F): each series' error at the compute-optimal tokens, read from its own parabola.

Given the runs of a budget and the frontier's tokens x*, the error is a linear function of the runs' values,

    E = (1, x*, x*²) · (XᵀX)⁻¹ Xᵀ y,

so one matrix product computes all series and all replicates of the items.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relscale.fitting.curves.equal_columns import equal_columns
from relscale.fitting.curves.frontier import TOO_FEW, Point
from relscale.fitting.curves.run_matrix import Floats, RunMatrix
from relscale.fitting.inference.spread import spread
from relscale.fitting.status import OK, Remark, Status, choose
from relscale.laws import parabola

NO_VALUE = Remark(Status.NO_VALUE)
NOT_POSITIVE = Remark(Status.NOT_POSITIVE)
NOT_REACHED = Remark(Status.NOT_REACHED)


@dataclass(frozen=True)
class Errors:
    """Errors along one matrix's frontier; P points, K series, B replicates.

    Attributes
    ----------
    value
        (P, K), nan if the status is not ok.
    stderr_runs
        (P, K) standard error from the runs' scatter around the series' own parabola (runs − 3 degrees of freedom);
        nan if there are fewer than four runs. Intervals are not based on it, but on the scatter around the fitted
        line.
    replicates
        (P, K, B) the same reading under each resampling of the items.
    runs, excluded
        (P, K) numbers of runs used, and of excluded runs of the budget.
    status
        (P, K) remarks; ``OK`` if there is a value.
    """

    value: Floats
    stderr_runs: Floats
    replicates: Floats
    runs: NDArray[np.int64]
    excluded: NDArray[np.int64]
    status: NDArray[np.object_]

    @property
    def noise(self) -> Floats:
        """Variance (P, K) of the readings due to noise of single runs, in units of one run's variance: 1 / runs."""
        return 1 / np.maximum(self.runs, 1)

    @property
    def stderr_items(self) -> Floats:
        """(P, K) standard deviation over the replicates of the items; nan without them."""
        return spread(self.replicates)


def errors(matrix: RunMatrix, points: list[Point]) -> Errors:
    """Errors of every series at every point of the frontier."""
    shape = (len(points), len(matrix.series))
    result = Errors(
        value=np.full(shape, np.nan),
        stderr_runs=np.full(shape, np.nan),
        replicates=np.full((*shape, matrix.replicates.shape[-1]), np.nan),
        runs=np.zeros(shape, dtype=np.int64),
        excluded=np.zeros(shape, dtype=np.int64),
        status=np.full(shape, OK, dtype=object),
    )
    _take_runs(result, matrix, points)
    for i, point in enumerate(points):
        if not point.is_parabola:
            continue
        known = np.isfinite(matrix.values[point.rows])
        result.runs[i] = known.sum(axis=0)
        result.excluded[i] = len(point.rows) + point.excluded - result.runs[i]
        if point.status != OK:
            result.status[i] = point.status
            continue
        for pattern, columns in equal_columns(known):
            _read(result, i, columns, matrix, point.rows[pattern], point)
    with np.errstate(invalid="ignore"):
        result.status[(result.status == OK) & ~(result.value > 0)] = NOT_POSITIVE
    return result


def _take_runs(result: Errors, matrix: RunMatrix, points: list[Point]) -> None:
    """Fill the points that are single runs with the runs' values."""
    single = np.array([i for i, point in enumerate(points) if not point.is_parabola], dtype=np.int64)
    rows = np.array([points[i].row for i in single], dtype=np.int64)
    status = np.array([points[i].status for i in single], dtype=object)[:, None]
    known = np.isfinite(matrix.values[rows]) & (status == OK)
    result.value[single] = np.where(known, matrix.values[rows], np.nan)
    result.replicates[single] = np.where(known[..., None], matrix.replicates[rows], np.nan)
    result.runs[single] = known
    result.excluded[single] = ~known
    result.status[single] = choose(known, OK, choose(status == OK, _lost(matrix, rows, ~known), status))


def _lost(matrix: RunMatrix, rows: NDArray[np.int64], lost: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Why values (rows, K) are missing where they are ``lost``: the status of their measurement, if it has one."""
    remarks = np.full(lost.shape, NO_VALUE, dtype=object)
    if matrix.flags is not None:
        flags = matrix.flags[rows]
        for flag in set(flags[lost]) - {str(Status.OK)}:
            remarks[lost & (flags == flag)] = Remark(Status.NO_VALUE, flag)
    return remarks


def _read(
    result: Errors,
    i: int,
    columns: NDArray[np.int64],
    matrix: RunMatrix,
    rows: NDArray[np.int64],
    point: Point,
) -> None:
    """Fill point ``i`` of the series ``columns``, which have values at ``rows`` and nowhere else."""
    values, draws = matrix.values[np.ix_(rows, columns)], matrix.replicates[np.ix_(rows, columns)]
    if not len(rows):
        of_runs = _lost(matrix, point.rows, np.ones((len(point.rows), len(matrix.series)), dtype=bool))
        result.status[i, columns] = of_runs[0, columns]
        return
    x, at = np.log(matrix.tokens[rows]) - point.x_mean, point.log_tokens - point.x_mean
    if len(np.unique(x)) < parabola.SMALLEST:
        result.status[i, columns] = TOO_FEW
    elif not x.min() <= at <= x.max():
        result.status[i, columns] = NOT_REACHED
    else:
        result.value[i, columns], result.stderr_runs[i, columns] = read_off(x, values, at)
        result.replicates[i, columns] = read_off(x, draws, at)[0]


def read_off(x: Floats, y: Floats, at: ArrayLike) -> tuple[Floats, Floats]:
    """The values at ``at`` of least-squares parabolas, and their standard errors.

    Parameters
    ----------
    x
        (n,) log tokens.
    y
        (n, ...) values.
    at
        Positions, of a shape that broadcasts with ``...``.

    Returns
    -------
    value, stderr
        (...); stderr from the residuals, n − 3 degrees of freedom, nan if n < 4.
    """
    c = parabola.coefficients(x, y)
    value = parabola.value(c, at)
    df = len(x) - 3
    if df < 1:
        return value, np.full_like(value, np.nan)
    fitted = np.tensordot(parabola.powers(x), c, axes=(0, 0))
    variance = np.sum((y - fitted) ** 2, axis=0) / df
    return value, np.sqrt(variance * parabola.leverage(x, at))
