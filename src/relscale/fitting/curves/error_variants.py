"""Errors of a run matrix under every specification: at compute-optimal tokens, or at every run.

At the optima, degree and window of the polynomial in ln tokens vary; FLOPs are those of training, or 6 · parameters ·
tokens if they differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from relscale.fitting.curves import polynomial
from relscale.fitting.curves.equal_columns import equal_columns
from relscale.fitting.curves.frontier_curves import shared_trainings
from relscale.fitting.curves.gaps import log_or_nan
from relscale.fitting.curves.run_matrix import Floats, RunMatrix

Frontier = Literal["parabola", "all"]
Window = Literal["all", "inner"]
Flops = Literal["training_flops", "6ND"]
PARABOLA: Frontier = "parabola"
ALL: Literal["all"] = "all"
INNER: Window = "inner"
WAYS: tuple[tuple[int, Window], ...] = ((2, ALL), (2, INNER), (3, ALL))  # degree and window
NEAREST = 4  # token counts of an inner window
SAME_FACTOR = 1e-6  # of two counts of FLOPs, as a spread of the logarithm of their ratio
TRAINING: Flops = "training_flops"
SIX_ND: Flops = "6ND"


@dataclass(frozen=True)
class ErrorVariant:
    """Errors of a run matrix under one specification; P points, K series.

    Attributes
    ----------
    frontier, degree, window
        Points of the errors (optima or runs), degree of the polynomial, and the runs that it is fitted to.
    log_flops
        (P,) ln FLOPs by each way of counting them; nan if unknown.
    value, noise
        (P, K) ln E, nan if it cannot be read off; 1 / runs.
    draws
        (P, K, B) ln E under each resampling of the items.
    blocks
        (P,) the training run of each point.
    without
        (P, K, G) ``value`` without each of the G training runs if budgets share some; else None.
    """

    frontier: Frontier
    degree: int | None
    window: Window | None
    log_flops: dict[Flops, Floats]
    value: Floats
    noise: Floats
    draws: Floats
    blocks: list[str]
    without: Floats | None = None


def error_variants(matrix: RunMatrix, columns: NDArray[np.int64]) -> Iterator[ErrorVariant]:
    """The variants that the runs allow, for the series in ``columns``."""
    budgets = np.unique(matrix.budget[np.isfinite(matrix.budget)])
    rows = [_counted(matrix, float(budget)) for budget in budgets]
    rows = [of_budget for of_budget in rows if len(of_budget)]
    widths = [len(np.unique(matrix.tokens[of_budget])) for of_budget in rows]
    for degree, window in WAYS:
        if max(widths, default=0) > (NEAREST if window == INNER else degree):
            variant = _at_optima(matrix, columns, rows, degree, window)
            yield replace(variant, without=_without_each(matrix, columns, rows, degree, window))
    ok = np.array(matrix.status) == "ok"
    value = log_or_nan(np.where(ok[:, None], matrix.values[:, columns], np.nan))
    draws = log_or_nan(matrix.replicates[:, columns])
    flops = _conventions(np.log(matrix.training_flops), log_or_nan(6 * matrix.params * matrix.tokens))
    yield ErrorVariant(ALL, None, None, flops, value, np.ones_like(value), draws, matrix.training)


def _conventions(exact: Floats, six_nd: Floats) -> dict[Flops, Floats]:
    """ln FLOPs by convention, each (P,); 6ND if it is known and differs."""
    factor = (six_nd - exact)[np.isfinite(six_nd)]
    differs = len(factor) > 0 and np.ptp(factor) > SAME_FACTOR
    return {TRAINING: exact, SIX_ND: six_nd} if differs else {TRAINING: exact}


def _counted(matrix: RunMatrix, budget: float) -> NDArray[np.int64]:
    return np.flatnonzero((matrix.budget == budget) & np.isfinite(matrix.loss) & (matrix.tokens > 0))


def _at_optima(
    matrix: RunMatrix,
    columns: NDArray[np.int64],
    budgets: list[NDArray[np.int64]],
    degree: int,
    window: Window,
) -> ErrorVariant:
    """Errors at the tokens of minimum loss, read off polynomials of one degree."""
    shape = (len(budgets), len(columns))
    value, noise = np.full(shape, np.nan), np.ones(shape)
    draws = np.full((*shape, matrix.replicates.shape[-1]), np.nan)
    exact, six_nd = np.full(len(budgets), np.nan), np.full(len(budgets), np.nan)
    for i, rows in enumerate(budgets):
        if not len(rows):
            continue
        exact[i] = np.log(matrix.training_flops[rows]).mean()
        if window == INNER:
            rows = _nearest(matrix, rows)
        x = np.log(matrix.tokens[rows])
        at = polynomial.minimum(x, matrix.loss[rows], degree)
        if np.isnan(at):
            continue
        tokens, first = np.unique(x, return_index=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            six_nd[i] = np.log(6) + at + np.interp(at, tokens, np.log(matrix.params[rows[first]]))
        values = matrix.values[np.ix_(rows, columns)]
        for known, alike in equal_columns(np.isfinite(values)):
            at_runs = x[known]
            if len(np.unique(at_runs)) > degree and at_runs.min() <= at <= at_runs.max():
                weights = polynomial.reading_weights(at_runs, at, degree)
                value[i, alike] = weights @ values[np.ix_(known, alike)]
                of_items = matrix.replicates[np.ix_(rows[known], columns[alike])]
                draws[i, alike] = np.tensordot(weights, of_items, axes=(0, 0))
                noise[i, alike] = 1 / known.sum()
    flops = _conventions(exact, six_nd)
    blocks = [str(i) for i in range(len(budgets))]
    return ErrorVariant(PARABOLA, degree, window, flops, log_or_nan(value), noise, log_or_nan(draws), blocks)


def _without_each(
    matrix: RunMatrix,
    columns: NDArray[np.int64],
    budgets: list[NDArray[np.int64]],
    degree: int,
    window: Window,
) -> Floats | None:
    """ln E (P, K, G) without each training run if budgets share some, else None."""
    plain = replace(matrix, replicates=matrix.replicates[..., :0])
    readings = [
        _at_optima(plain, columns, [np.setdiff1d(rows, training) for rows in budgets], degree, window).value
        for training in shared_trainings(matrix, budgets)
    ]
    return np.stack(readings, axis=-1) if readings else None


def _nearest(matrix: RunMatrix, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Runs at the four token counts nearest to the parabola's minimum; all runs if it has none."""
    x = np.log(matrix.tokens[rows])
    at = polynomial.minimum(x, matrix.loss[rows], 2)
    if np.isnan(at):
        return rows
    distance = np.abs(np.unique(x) - at)
    nearest: NDArray[np.int64] = rows[np.abs(x - at) <= np.sort(distance)[:NEAREST][-1]]
    return nearest
