"""What is the optimum of a law fitted to the table? Allocation, epochs, batch, rate or shape, with intervals.

The law's module defines the optimum (``relscale.laws.optimum``); ``relscale laws LAW`` shows the values to be given:
compute for parameters and tokens (``parametric``, ``overtraining``, ``datastore``, ``data_constrained`` with epochs,
``multilingual`` at given shares), for steps and batch too (``batch_trajectory``), for the vocabulary (``vocabulary``),
for streams (``parallel_streams``), for the size of a model to post-train (``rl_posttraining``); the overhead for the
batch (``critical_batch``), the batch for the learning rate (``peak_learning_rate``), the size and tokens for both
(``rate_and_batch``); nothing for the shape (``encoder_decoder``, ``architecture``) and the size up to which experts
help (``experts``). For mixtures see the question ``mixture``, for pools of data ``curation``, for optima without a
surface ``sweep`` and ``relscale frontier``.

Intervals are percentiles of resampled rows, or of training runs given by ``block``, widened about the estimate for few
points (``relscale.questions.limits.factor_of_few``), and without ``block`` at least as wide as the t interval of the
law's derivatives, because resamples of few influential points scatter too little. Results outside the range of the
table, or at values outside it, are marked: they are forecasts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.fitting.estimation.beyond_data import SAME
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.law_points import must_be_positive
from relscale.fitting.estimation.levenberg_marquardt import OF_A_DRAW
from relscale.fitting.inference.bootstrap.schemes import resampled_counts
from relscale.fixed_parameters import fixed_parameters
from relscale.laws.catalogue import law as law_of
from relscale.laws.catalogue import optimum as optimum_of
from relscale.laws.law import Array
from relscale.laws.optimum import Optimum
from relscale.laws.predictor_columns import check_predictor_columns
from relscale.questions.limits import (
    MIN_DRAWS,
    Scale,
    factor_of_few,
    joined_notes,
    percentiles,
    stderr_of,
    widened,
)
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

MIN_BLOCKS = 5  # training runs; with fewer, resamples are too similar


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimumRow:
    """One row per optimised quantity."""

    law: str = column("The law.")
    at: str = column("The given values.")
    quantity: str = column("The optimised quantity.")
    value: float | None = column("Optimal value.", default=None)
    low: float | None = column("Lower limit of its 95% interval.", default=None)
    high: float | None = column("Upper limit of its 95% interval.", default=None)
    least: float | None = column("Minimum in the table.", default=None)
    largest: float | None = column("Maximum in the table.", default=None)
    note: str | None = column(
        "Whether the optimum is beyond the data, or the reason that there is none.", default=None
    )


ROW = OptimumRow


def rows(
    table: Columns,
    *,
    law: str,
    x: tuple[str, ...],
    y: str,
    at: tuple[str, ...] = (),
    fix: tuple[str, ...] = (),
    block: str = "",
    loss: str = "squares",
    residual: str = "log",
    draws: int = 200,
    seed: int = 0,
) -> Iterator[OptimumRow]:
    """The optimum of a law fitted to the table.

    Parameters
    ----------
    law
        A law with an optimum: parametric, data_constrained, critical_batch, rate_and_batch …
    x
        Columns of the law's predictors, in its order.
    y
        Column of the response.
    at
        Given values: training_flops=1e22,unique_tokens=25e9.
    fix
        Fixed parameters: E=1.87.
    block
        Column of the training run of each row.
    loss
        squares or huber.
    residual
        log or linear.
    draws
        Resamples for the intervals; 0 for none.
    seed
        Seed of the resampling.

    Raises
    ------
    RelscaleError
        The law has no optimum, the given values are not the required ones, or columns are missing.
    """
    fitted_law = law_of(law, x)
    best = optimum_of(law, fitted_law.predictors)
    check_predictor_columns(fitted_law, x)
    positive = [must_be_positive(fitted_law, i, name) for i, name in enumerate(x)]
    may_be_zero = [name for name, known in zip(fitted_law.predictors, positive, strict=True) if not known]
    given, fixed = _given(at, law, best, may_be_zero), fixed_parameters(fix, "fix")
    if draws != 0 and draws < MIN_DRAWS:
        raise RelscaleError(
            f"draws: {draws} are too few for an interval; give at least {MIN_DRAWS}, or 0 for none"
        )
    points, values, blocks = _points(table, x, positive, y, block)
    fitted = partial(estimate, fitted_law, points, values, loss=loss, residual=residual, fixed=fixed)
    fit = fitted()
    if not np.isfinite(fit.theta).all():
        raise RelscaleError(f"law {law}: {fit.status[0].note or fit.status[0].status}")
    bound = ", ".join(np.array(fitted_law.names)[fit.at_bound[:, 0]])
    free = len(fitted_law.names) - len(fixed)
    missing_interval = _missing_interval(bound, blocks, block, free) if draws or bound else ""
    thetas = np.empty((0, len(fitted_law.names)))
    if draws:
        weights = _resampled(blocks, draws, seed)
        thetas = fitted(weights=weights, starts=fit.theta.T, tolerance=OF_A_DRAW).theta.T
    with np.errstate(all="ignore"):
        optimal = best.optimal_values(fit.theta[:, 0], given)
        drawn = [best.optimal_values(theta, given) for theta in thetas if np.isfinite(theta).all()]
    in_data = dict(zip(fitted_law.predictors, points, strict=True)) | dict(best.derived(points))
    beyond = [name for name, number in given.items() if _is_beyond(in_data.get(name), number)]
    best_beyond = [name for name, value in optimal.items() if _is_beyond(in_data.get(name), value)]
    count = len(np.unique(blocks))
    for name, value in optimal.items():
        inside, limits = in_data.get(name), percentiles([], 0)
        if draws and not missing_interval:

            def optimal_value(theta: Array, name: str = name) -> float:
                return best.optimal_values(theta, given)[name]

            scale: Scale = "logit" if name in best.shares else "log" if value > 0 else "linear"
            factor = factor_of_few(count, count - (1 if block else free))
            stderr = 0.0 if block else stderr_of(optimal_value, fit)
            limits = percentiles([draw[name] for draw in drawn], draws)
            limits = widened(limits, value, factor, scale, stderr=stderr, df=max(int(fit.df[0]), 1))
        yield OptimumRow(
            law=fitted_law.name,
            at=", ".join(f"{name}={number:g}" for name, number in given.items()),
            quantity=name,
            value=value if np.isfinite(value) else None,
            low=limits.low,
            high=limits.high,
            least=None if inside is None else float(inside.min()),
            largest=None if inside is None else float(inside.max()),
            note=_note(
                value,
                inside,
                beyond if inside is not None else [*beyond, *best_beyond],
                missing_interval or limits.note,
            ),
        )


def _given(at: tuple[str, ...], law: str, best: Optimum, may_be_zero: Sequence[str]) -> dict[str, float]:
    """The values at which the optimum is sought; only those of ``may_be_zero`` may be zero."""
    given = fixed_parameters(at, "at")
    if set(given) != set(best.fixed):
        needed = ", ".join(f"{name} ({meaning})" for name, meaning in best.fixed.items()) or "nothing"
        raise RelscaleError(f"at: the optimum of {law} needs {needed}")
    for name, number in given.items():
        if not 0 <= number < np.inf or (number == 0 and name not in may_be_zero):
            raise RelscaleError(f"at: {name} is {number:g}, which is not positive or not finite")
    return given


def _points(
    table: Columns, x: tuple[str, ...], positive: Sequence[bool], y: str, block: str
) -> tuple[Array, Array, NDArray[Any]]:
    """Predictors (p, n), responses (n,) and blocks (n,) of the complete rows; by default each row is a block."""
    table = table.without_blanks((*x, y), (block,))
    points = np.stack(
        [
            table.positive(name) if is_positive else table.numbers(name)
            for name, is_positive in zip(x, positive, strict=True)
        ]
    )
    values = table.numbers(y)
    known = np.isfinite(points).all(axis=0) & np.isfinite(values)
    if not known.any():
        raise RelscaleError(f"no row has {', '.join([*x, y])}")
    blocks = table.labels(block)[known] if block else np.arange(known.sum())
    return points[:, known], values[known], blocks


def _missing_interval(bound: str, blocks: NDArray[Any], block: str, parameters: int) -> str:
    """Why there is no interval; empty if there is one."""
    if bound:
        return f"no interval, unreliable value: {bound} is on a bound, so the table does not determine it"
    if block and len(np.unique(blocks)) < MIN_BLOCKS:
        return f"no interval: fewer than {MIN_BLOCKS} of {block}"
    if len(blocks) <= parameters:
        return f"no interval: {len(blocks)} points for {parameters} parameters"
    return ""


def _resampled(blocks: NDArray[Any], draws: int, seed: int) -> Array:
    """Weights (n, draws) of the rows in resamples of blocks."""
    place = np.unique(blocks, return_inverse=True)[1]
    return resampled_counts(int(place.max()) + 1, draws, np.random.default_rng(seed))[place]


def _is_beyond(in_data: Array | None, value: float) -> bool:
    """Whether a value is outside the range of the quantity in the data; False if the data lack it."""
    if in_data is None:
        return False
    low, high = in_data.min(), in_data.max()
    return not low - (SAME - 1) * abs(low) <= value <= high + (SAME - 1) * abs(high)


def _note(value: float, inside: Array | None, beyond: list[str], missing_interval: str) -> str | None:
    if not np.isfinite(value):
        return "no optimum: the fitted law has none"
    return joined_notes(
        "beyond the data" if _is_beyond(inside, value) else "",
        f"at a value beyond the data: {', '.join(beyond)}" if beyond else "",
        missing_interval,
    )
