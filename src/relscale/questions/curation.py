"""How many of the best data pools should be used at a given compute?

    y = d + (a · n_1 / 10⁵)^(b_i) · Π_k (n_k / n_{k−1})^(b_i · 2^(−(k−1)/τ_i)) of pool i,    a and d of all

A better pool has a steeper b and is exhausted sooner. With p equal pools mixed, each is repeated p times later, and
their exponents are averaged; so the best pool alone is optimal at small compute, and more pools at larger compute. One
row per range of samples with the same optimal number of pools. Limits of the changes are percentiles of resampled
models, widened for few models and to at least the t interval of the change (``relscale.questions.limits``), unless a
note says that it has no standard error, as where it is about to vanish. In simulations of two pools with 12 models each
and 0.3% noise, percentiles alone cover the truth in 38 of 40.

Source: Goyal et al., *Scaling Laws for Data Filtering*, arXiv 2404.07177, whose formula this is; the authors' code
has d inside the product, which moves the changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.levenberg_marquardt import OF_A_DRAW
from relscale.fitting.inference.bootstrap.schemes import resampled_counts
from relscale.laws import filtering
from relscale.laws.derivatives import by_differences
from relscale.laws.law import Array, Law, Parameter
from relscale.questions.limits import factor_of_few, joined_notes, percentiles, stderr_of, widened
from relscale.questions.options import check_draws
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

SEARCH_FACTOR = 10.0  # search range for changes, as a multiple of the most samples seen
GRID = 400  # grid points of samples, between which a change is interpolated


@dataclass(frozen=True, slots=True, kw_only=True)
class CurationRow:
    """One row per range of samples with the same optimal pools."""

    samples: float = column("Start of the range, in samples seen.", "samples")
    pools: int = column("Optimal number of pools, best first.")
    which: str = column("These pools.")
    error: float = column("Predicted error at the start of the range.")
    change: float | None = column(
        "End of the range, where the optimal number changes.", "samples", default=None
    )
    low: float | None = column("Lower limit of its 95% interval.", default=None)
    high: float | None = column("Upper limit of its 95% interval.", default=None)
    note: str | None = column("Whether the change is beyond the data.", default=None)


ROW = CurationRow


def rows(
    table: Columns,
    *,
    y: str,
    samples: str = "samples",
    pool_samples: str = "pool_samples",
    pool: str = "pool",
    order: tuple[str, ...] = (),
    residual: str = "log",
    draws: int = 100,
    seed: int = 0,
) -> Iterator[CurationRow]:
    """The optimal number of pools, for at least one pass over a pool.

    Parameters
    ----------
    y
        Column of the error.
    samples
        Column of the samples seen.
    pool_samples
        Column of the number of samples in the pool.
    pool
        Column of the pool on which the model was trained.
    order
        The pools from best to worst (default: in order of first appearance).
    residual
        log or linear.
    draws
        Resamples for the intervals; 0 for none.
    seed
        Seed of the resampling.

    Raises
    ------
    RelscaleError
        A column is missing or not positive, pools differ in size, or one has too few models.
    """
    check_draws(draws)
    table = table.without_blanks((samples, pool_samples, y), (pool,))
    numbers = np.stack([table.positive(name) for name in (samples, pool_samples, y)])
    known = np.isfinite(numbers).all(axis=0)
    if not known.any():
        raise RelscaleError(f"no row has {samples}, {pool_samples}, {y}")
    samples_seen, size, error = numbers[:, known]
    if len(set(size)) > 1:
        raise RelscaleError(
            f"{pool_samples}: pools of {size.min():g} to {size.max():g} samples; they must be equal"
        )
    pools, which = _ordered(table.labels(pool)[known], order)
    for i, name in enumerate(pools):
        if (count := len(set(samples_seen[which == i]))) < 3:
            raise RelscaleError(f"pool {name}: {count} different {samples}; at least 3 are needed")
    law, x = law_of_pools(len(pools)), np.stack([samples_seen, size, which.astype(float)])
    fit = estimate(law, x, error, residual=residual)
    if not np.isfinite(fit.theta).all():
        raise RelscaleError(f"law filtering: {fit.status[0].note or fit.status[0].status}")
    grid = np.geomspace(size[0], SEARCH_FACTOR * max(samples_seen.max(), size[0]), GRID)
    thetas = np.empty((0, len(law.names)))
    if draws:
        weights = resampled_counts(len(error), draws, np.random.default_rng(seed))
        drawn = estimate(
            law, x, error, weights=weights, residual=residual, starts=fit.theta.T, tolerance=OF_A_DRAW
        )
        thetas = drawn.theta.T[np.isfinite(drawn.theta).all(axis=0)]
    best, changes = optimal_ranges(fit.theta[:, 0], size[0], grid)
    resampled = [_changes(*optimal_ranges(theta, size[0], grid)) for theta in thetas]
    df = int(fit.df[0])
    factor = factor_of_few(len(error), df) if df > 0 else 1.0
    for i, (count, start) in enumerate(zip(best, [grid[0], *changes], strict=True)):
        end = changes[i] if i < len(changes) else None
        step = (count, best[i + 1]) if end else None
        limits = percentiles([of[step] for of in resampled if step in of], draws if step else 0)
        if step and end:
            stderr = stderr_of(partial(_change, step=step, pool=size[0], grid=grid), fit)
            limits = widened(limits, end, factor, "log", stderr=stderr, df=max(df, 1))
        yield CurationRow(
            samples=float(start),
            pools=count,
            which=", ".join(pools[:count]),
            error=float(errors(fit.theta[:, 0], size[0], np.array([start]))[count - 1, 0]),
            change=end,
            low=limits.low,
            high=limits.high,
            note=_note(end, float(samples_seen.max()), limits.note),
        )


def _ordered(labels: NDArray[np.object_], order: tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """The pools from best to worst, and the position (n,) of each model's pool among them."""
    pools = order or tuple(dict.fromkeys(map(str, labels)))
    if set(pools) != set(labels) or len(set(pools)) < len(pools):
        raise RelscaleError(f"order: {','.join(pools)}; the pools are {', '.join(sorted(set(labels)))}")
    return pools, np.array([pools.index(str(label)) for label in labels])


def law_of_pools(count: int) -> Law:
    """The law ``filtering`` of several pools that share a and d; its last predictor is the number of the pool."""
    shared = {parameter.name: parameter for parameter in filtering.PARAMETERS}
    parameters = (
        *(shared[name] for name in ("a", "d")),
        *(
            Parameter(f"{name}_{i + 1}", p.unit, p.meaning, p.low, p.high, p.log)
            for name in ("b", "tau")
            for p in (shared[name],)
            for i in range(count)
        ),
    )

    def value(theta: Array, x: Array) -> Array:
        place = x[2].reshape(len(x[2]), -1)[:, 0].astype(int)
        b, tau = theta[2 : 2 + count][place], theta[2 + count :][place]
        return filtering.value((theta[0], b, tau, theta[1]), x[:2])  # type: ignore[arg-type]

    def starts(x: Array, y: Array) -> Array:
        """Starting points: a and d of each pool alone, and b and τ of the others given these."""
        masks = [x[2] == i for i in range(count)]
        begin = []
        for i in range(count):
            a, _, _, d = estimate(filtering.LAW, x[:2, masks[i]], y[masks[i]]).theta[:, 0]
            fixed = {"a": float(a), "d": min(float(d), 0.99 * float(y.min()))}
            rest = [estimate(filtering.LAW, x[:2, of], y[of], fixed=fixed).theta[1:3, 0] for of in masks]
            begin.append([fixed["a"], fixed["d"], *(b for b, _ in rest), *(tau for _, tau in rest)])
        return np.array(begin)

    return Law(
        name="filtering",
        predictors=(*filtering.LAW.predictors, "pool"),
        parameters=parameters,
        value=value,
        jacobian=by_differences(value, parameters),
        starts=starts,
        source=filtering.LAW.source,
    )


def errors(theta: Array, pool: float, samples: Array) -> Array:
    """The errors (p, n) of the best 1, 2, … pools mixed, after ``samples`` (n,) samples."""
    count = (len(theta) - 2) // 2
    b, tau = theta[2 : 2 + count], theta[2 + count :]
    return np.stack(
        [
            filtering.mixture_errors(theta[0], theta[1], b[:k].tolist(), tau[:k].tolist(), samples, pool)
            for k in range(1, count + 1)
        ]
    )


def optimal_ranges(theta: Array, pool: float, grid: Array) -> tuple[list[int], list[float]]:
    """The optimal numbers of pools in order of samples, and the samples at which they change."""
    predicted = errors(theta, pool, grid)
    choice = predicted.argmin(axis=0)
    changes_at = np.flatnonzero(np.diff(choice))
    changes = []
    for i in changes_at:
        ahead = predicted[choice[i], i : i + 2] - predicted[choice[i + 1], i : i + 2]
        share = float(ahead[0] / (ahead[0] - ahead[1]))
        changes.append(float(np.exp(np.log(grid[i]) + share * np.log(grid[i + 1] / grid[i]))))
    return [int(choice[0]) + 1, *(int(choice[i + 1]) + 1 for i in changes_at)], changes


def _changes(best: list[int], changes: list[float]) -> dict[tuple[int, int], float]:
    """Samples at which the optimal number of pools changes, by the numbers before and after."""
    return dict(zip(pairwise(best), changes, strict=True))


def _change(theta: Array, step: tuple[int, int], pool: float, grid: Array) -> float:
    """The samples at which the optimal number of pools makes a step, nan if it makes none."""
    return _changes(*optimal_ranges(theta, pool, grid)).get(step, np.nan)


def _note(change: float | None, most: float, of_interval: str) -> str | None:
    if change is None:
        return f"no change up to {SEARCH_FACTOR:g} times the most samples seen"
    return joined_notes("the change is beyond the data" if change > most else "", of_interval)
