"""Which mixture is best at a larger scale? Optimal-transport distance to a target, and runs at two scales (Projektor).

    stage 1, at N_0 and N_1:  t = Σ_i (b2_i p_i² + b1_i p_i + b0) · OT + Σ_i (c2_i p_i² + c1_i p_i + c0)
    stage 2, at N:            t(N) = [ln(N / N_0) · t(N_1) − ln(N / N_1) · t(N_0)] / ln(N_1 / N_0)

p are the shares, OT the distance of a mixture's text from the target's (question ``transport``), t the performance or
its logarithm, and N a size (of the data, in the paper). Stage 1 is a least-squares fit, of minimum norm because shares
that sum to 1 make coefficients equivalent. Stage 2 is a line in ln N through two points, which is exact if t is linear
in ln N: a loss that is a power of N is linear in logarithms only (``scale`` log, the default), and one with a floor in
neither. From N = 1,000 and 1,500 to 10,000 a line of L = 2·N^(−0.3) itself is 30% too low; with a floor of 0.2 one of
ln L is 5% too low. The distance of a mixture that was not measured is a quadratic function of its shares, fitted to the
measured ones. Limits are from resampled mixtures, widened for few of them
(``relscale.questions.limits.factor_of_few``), and do not include the error of stage 2.

Source: Kang et al., *Performance Scaling via Optimal Transport* (Projektor), arXiv 2307.02460, and its notebook, whose
stage 1 has fewer coefficients.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.laws.law import Array
from relscale.laws.predictor_columns import check_shares
from relscale.questions.limits import factor_of_few, joined_notes, percentiles, widened
from relscale.questions.mixture_search import (
    AT_LIMIT,
    Simplex,
    largest_shares,
    optimal_mixture,
    starting_points,
)
from relscale.questions.options import check_choice, check_draws
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

MEAN = "performance"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionRow:
    """One row per part, and one for the performance."""

    quantity: str = column("The part's share, or the performance at the target size.")
    value: float = column("Optimal share, or the predicted performance.")
    low: float | None = column("Lower limit of its 95% interval.", default=None)
    high: float | None = column("Upper limit of its 95% interval.", default=None)
    best_measured: float | None = column(
        "Share in the best measured mixture at the larger size, or its predicted performance.", default=None
    )
    largest: float | None = column("Largest share in the data.", default=None)
    note: str | None = column(
        "Extrapolation factor in size, or a note that a share is at its limit.", default=None
    )


ROW = ProjectionRow


def rows(
    table: Columns,
    *,
    x: tuple[str, ...],
    y: str,
    size: str,
    at: float,
    distance: str = "distance",
    scale: str = "log",
    better: str = "lower",
    within: str = "data",
    draws: int = 100,
    seed: int = 0,
) -> Iterator[ProjectionRow]:
    """The best share of each part at a size.

    Parameters
    ----------
    x
        Columns of the shares.
    y
        Column of the performance: a loss, an error or an accuracy.
    size
        Column of the size, with two values.
    at
        Target size.
    distance
        Column of the distance of the mixture's text from the target's.
    scale
        log or linear scale of the performance in the projection; linear for accuracies.
    better
        lower or higher.
    within
        data: no share above the largest in the data; simplex: any.
    draws
        Resamples for the intervals; 0 for none.
    seed
        Seed of the resampling.

    Raises
    ------
    RelscaleError
        A column is missing, there are not two sizes, or a size has too few mixtures.
    """
    check_choice("scale", scale, "log", "linear")
    check_choice("better", better, "lower", "higher")
    check_choice("within", within, "data", "simplex")
    check_draws(draws)
    runs = _runs(table, x, y, size, distance, scale)
    if not 0 < at < np.inf:
        raise RelscaleError(f"at: {at:g} is not a positive size")
    smaller, larger = runs.sizes
    weight = float(np.log(at / smaller) / np.log(larger / smaller))
    sign = 1.0 if better == "lower" else -1.0

    def performance(projection: Projection, mixture: Array) -> float:
        t = sign * float(projection.of(mixture[:, None])[0])
        return float(np.exp(t)) if scale == "log" else t

    simplex = Simplex(
        largest_shares(runs.shares, within), runs.shares.mean(axis=1) / runs.shares.mean(axis=1).sum()
    )
    target = fitted(runs, weight, sign)
    best = optimal_mixture(target, simplex, starting_points(target, simplex, runs.shares))
    rng = np.random.default_rng(seed)
    projections = [fitted(runs.resampled(rng), weight, sign) for _ in range(draws)]
    drawn = [optimal_mixture(projection, simplex, [best]) for projection in projections]
    large, factor = runs.of(larger), max(runs.of(size_of).widening for size_of in runs.sizes)
    measured = large.shares[:, (sign * large.t).argmin()]
    for i, name in enumerate(x):
        limits = percentiles([float(share[i]) for share in drawn], draws)
        limits = widened(limits, float(best[i]), factor, "linear", 0.0, float(simplex.most[i]))
        at_limit = within == "data" and best[i] >= simplex.most[i] - AT_LIMIT
        yield ProjectionRow(
            quantity=name,
            value=float(best[i]),
            low=limits.low,
            high=limits.high,
            best_measured=float(measured[i]),
            largest=float(runs.shares[i].max()),
            note=joined_notes("at the largest share in the data" if at_limit else "", limits.note),
        )
    limits = percentiles(list(map(performance, projections, drawn)), draws)
    limits = widened(limits, performance(target, best), factor, "log" if scale == "log" else "linear")
    yield ProjectionRow(
        quantity=f"{MEAN} at {size}={at:g}",
        value=performance(target, best),
        low=limits.low,
        high=limits.high,
        best_measured=performance(target, measured),
        note=joined_notes(_extrapolation_note(at, smaller, larger), limits.note),
    )


@dataclass(frozen=True)
class Runs:
    """Runs at two sizes: shares (k, n), and size, distance and t of each (n,)."""

    shares: Array
    size: Array
    distance: Array
    t: Array

    @property
    def sizes(self) -> list[float]:
        """The two sizes, ascending."""
        return [float(size) for size in np.unique(self.size)]

    def take(self, rows: NDArray[Any]) -> "Runs":
        """Some of the runs."""
        return Runs(self.shares[:, rows], self.size[rows], self.distance[rows], self.t[rows])

    def of(self, size: float) -> "Runs":
        """The runs at a size."""
        return self.take(self.size == size)

    @property
    def widening(self) -> float:
        """By how much stage 1 at one size widens limits from resampled runs."""
        design = stage_1(self.shares, self.distance)
        return factor_of_few(len(design), len(design) - int(np.linalg.matrix_rank(design)))

    def resampled(self, rng: np.random.Generator) -> "Runs":
        """As many runs at each size, drawn with replacement."""
        of_sizes = [np.flatnonzero(self.size == size) for size in self.sizes]
        return self.take(np.concatenate([rng.choice(rows, len(rows)) for rows in of_sizes]))


def _runs(table: Columns, x: tuple[str, ...], y: str, size: str, distance: str, scale: str) -> Runs:
    """The complete rows of a table, of which each size has enough for stage 1."""
    shares, sizes = np.stack([table.numbers(column) for column in x]), table.positive(size)
    apart = table.numbers(distance)
    t = np.log(table.positive(y)) if scale == "log" else table.numbers(y)
    known = np.isfinite(shares).all(axis=0) & np.isfinite(sizes) & np.isfinite(apart) & np.isfinite(t)
    runs = Runs(shares, sizes, apart, t).take(known)
    check_shares(x, runs.shares)
    if len(runs.sizes) != 2:
        raise RelscaleError(
            f"{size}: {len(runs.sizes)} values, but stage 2 needs exactly two; select rows with --where"
        )
    for value in runs.sizes:
        of_size = runs.of(value)
        design = stage_1(of_size.shares, of_size.distance)
        if len(design) <= (rank := int(np.linalg.matrix_rank(design))):
            raise RelscaleError(f"{size} {value:g}: {len(design)} mixtures; more than {rank} are needed")
    return runs


def _extrapolation_note(at: float, smaller: float, larger: float) -> str | None:
    if at > larger:
        return f"{at / larger:.3g} times the larger size of the runs"
    return f"{at / smaller:.3g} times the smaller size of the runs" if at < smaller else None


@dataclass(frozen=True)
class Projection:
    """Both stages: coefficients of stage 1 at the two sizes and of the distance, and the position on stage 2's line.

    ``weight`` is 0 at the smaller size and 1 at the larger; ``sign`` is −1 if higher is better.
    """

    small: Array
    large: Array
    apart: Array
    weight: float
    sign: float

    def of(self, shares: Array) -> Array:
        """The objective, (n,) at shares (k, n)."""
        design = stage_1(shares, quadratic(shares) @ self.apart)
        small, large = design @ self.small, design @ self.large
        return np.asarray(self.sign * projected(small, large, self.weight))


def fitted(runs: Runs, weight: float, sign: float) -> Projection:
    """Stage 1 fitted to the runs of each size, and the distance to all of them."""
    small, large = (runs.of(size) for size in runs.sizes)
    return Projection(
        small=coefficients(stage_1(small.shares, small.distance), small.t),
        large=coefficients(stage_1(large.shares, large.distance), large.t),
        apart=coefficients(quadratic(runs.shares), runs.distance),
        weight=weight,
        sign=sign,
    )


def projected(small: Array, large: Array, weight: float) -> Array:
    """Stage 2: the line through t at N_0 and N_1, at ``weight`` = ln(N / N_0) / ln(N_1 / N_0)."""
    return np.asarray(weight * large + (1 - weight) * small)


def quadratic(shares: Array) -> Array:
    """Columns 1, p_i and p_i², (n, 1 + 2k), of shares (k, n)."""
    return np.column_stack([np.ones(shares.shape[1]), shares.T, shares.T**2])


def stage_1(shares: Array, apart: Array) -> Array:
    """The columns of ``quadratic`` times the distance (n,), and the columns themselves, (n, 2 + 4k)."""
    alone = quadratic(shares)
    return np.column_stack([apart[:, None] * alone, alone])


def coefficients(design: Array, t: Sequence[float] | Array) -> Array:
    """Coefficients of a least-squares fit, with minimum norm if they are not unique."""
    return np.asarray(np.linalg.lstsq(design, np.asarray(t), rcond=1e-10)[0])
