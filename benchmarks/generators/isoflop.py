"""Simulated experiments with a known Δβ, on the grid of a real one.

Each generator gives M data sets at once: validation losses and two groups' errors of every run, and the groups' errors
under B resamplings of their items. Axes: n_i runs of budget i, M data sets, B replicates.

Items and runs are crossed: an item is the same for all runs. The error of item j in run r at budget i is

    E(F_i, x_r) · (1 + a_j + b_j·z_i + noise·(shared_r, own_r, budget_i) + e_rj),    z = ln F − mean ln F,

a group's error is the mean over its J items, and a resampling draws J items with replacement, the same for all runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GROUPS = ("target", "baseline")
BETA = {"target": 0.08, "baseline": 0.05}
LEVEL = {"target": 1.5, "baseline": 1.0}
OFF_OPTIMUM = {
    "target": 0.3,
    "baseline": 0.0,
}  # a group's own best ln tokens, less those of the validation loss


@dataclass(frozen=True)
class Grid:
    """The runs: budgets (training FLOPs), and ln tokens and ln params of each budget's runs, with repeated seeds."""

    name: str
    flops: Floats
    log_tokens: list[Floats]
    log_params: list[Floats]

    @property
    def z(self) -> Floats:
        """ln FLOPs, centred."""
        return np.asarray(np.log(self.flops) - np.log(self.flops).mean())

    @property
    def optimum(self) -> Floats:
        """ln tokens of the simulated optimum of each budget: the line through the middles of what was tried."""
        middle = np.array([np.unique(x).mean() for x in self.log_tokens])
        return np.asarray(middle.mean() + _slope(self, middle) * self.z)


@dataclass(frozen=True)
class Noise:
    """Relative standard deviations; those of items are of a group's mean, so an item's own are √items times larger.

    Attributes
    ----------
    loss
        Of a run's validation loss, between seeds.
    shared, own
        Of a group's error, between seeds: the part that both groups share (it moves with the validation loss), and
        the group's own.
    item_level, item_slope, item_run
        Of the items: their level, their slope on ln FLOPs, and their interaction with runs.
    budget
        Of a whole budget, for each group by itself.
    items
        In each group.
    bend
        Relative second-order rise of error and loss away from their best ln tokens.
    """

    loss: float = 0.005
    shared: float = 0.005
    own: float = 0.005
    item_level: float = 0.02
    item_slope: float = 0.001
    item_run: float = 0.003
    budget: float = 0.0
    items: int = 200
    bend: float = 0.04


@dataclass(frozen=True)
class Simulated:
    """M data sets of one grid.

    Attributes
    ----------
    loss
        For each budget (n_i, M), nats a token.
    errors, replicates
        For each group, for each budget: (n_i, M) and (n_i, M, B).
    these_items
        (M,) the true Δβ of the items at hand: the slope of the noiseless log ratio at the true optimum.
    population
        The true Δβ of the population that the items come from.
    allocation
        The true exponent of compute-optimal tokens: the slope of the true optima.
    """

    grid: Grid
    loss: list[Floats]
    errors: dict[str, list[Floats]]
    replicates: dict[str, list[Floats]]
    these_items: Floats
    population: float
    allocation: float


Generator = Callable[[Grid, Noise, int, int, np.random.Generator], Simulated]


def well_specified(
    grid: Grid, noise: Noise, size: int, replicates: int, rng: np.random.Generator
) -> Simulated:
    """Every error a power law of compute times a parabola in ln tokens."""

    def surface(group: str) -> list[Floats]:
        law = LEVEL[group] * (grid.flops / grid.flops.mean()) ** -BETA[group]
        best = grid.optimum + OFF_OPTIMUM[group]
        return [law[i] * (1 + noise.bend * (x - best[i]) ** 2) for i, x in enumerate(grid.log_tokens)]

    loss = [
        3.0 * (flops / grid.flops.mean()) ** -0.06 * (1 + noise.bend * (x - best) ** 2)
        for flops, x, best in zip(grid.flops, grid.log_tokens, grid.optimum, strict=True)
    ]
    population = BETA["baseline"] - BETA["target"]
    return _noisy(
        grid,
        noise,
        loss,
        {group: surface(group) for group in GROUPS},
        (population, _slope(grid, grid.optimum)),
        size,
        replicates,
        rng,
    )


def budget_noise(grid: Grid, noise: Noise, size: int, replicates: int, rng: np.random.Generator) -> Simulated:
    """As ``well_specified``, with noise that all runs of a budget share, as large as a group's own run noise."""
    return well_specified(grid, replace(noise, budget=max(noise.own, noise.shared)), size, replicates, rng)


def surfaces(grid: Grid, noise: Noise, size: int, replicates: int, rng: np.random.Generator) -> Simulated:
    """Every error its own ``E + A/N^α + B/D^β``: no parabola, no power law, no common optimum.

    The true Δβ is the slope of the noiseless log ratio at the true optimum of the validation surface, which is where
    the simulated frontier lies.
    """
    middle = len(grid.flops) // 2
    tokens = grid.optimum[middle]
    params = np.interp(tokens, *_by_tokens(grid, middle))

    def surface(floor: float, height: float, alpha: float, beta: float) -> Callable[[Floats, Floats], Floats]:
        """Its two falling terms are in balance for fixed FLOPs ∝ N·D at the middle budget's optimum."""
        return lambda x, n: (
            floor
            + height / alpha * np.exp(-alpha * (n - params))
            + height / beta * np.exp(-beta * (x - tokens))
        )

    validation = surface(1.2, 0.30, 0.34, 0.37)
    of_group = {"target": surface(0.5, 0.18, 0.30, 0.42), "baseline": surface(0.4, 0.10, 0.36, 0.33)}
    true_x, true_n = _true_optimum(grid, validation)
    log_ratio = np.log(of_group["target"](true_x, true_n) / of_group["baseline"](true_x, true_n))
    truths = _slope(grid, log_ratio), _slope(grid, true_x)
    on_grid = {
        group: [of_group[group](x, n) for x, n in zip(grid.log_tokens, grid.log_params, strict=True)]
        for group in GROUPS
    }
    loss = [validation(x, n) for x, n in zip(grid.log_tokens, grid.log_params, strict=True)]
    return _noisy(grid, noise, loss, on_grid, truths, size, replicates, rng)


GENERATORS: dict[str, Generator] = {
    "parabola × power law": well_specified,
    "budget-level noise": budget_noise,
    "L(N, D) surfaces": surfaces,
}


def _slope(grid: Grid, y: Floats) -> float:
    """Slope of y on ln FLOPs."""
    return float(grid.z @ y / (grid.z @ grid.z))


def _by_tokens(grid: Grid, i: int) -> tuple[Floats, Floats]:
    x, first = np.unique(grid.log_tokens[i], return_index=True)
    return x, grid.log_params[i][first]


def _true_optimum(grid: Grid, validation: Callable[[Floats, Floats], Floats]) -> tuple[Floats, Floats]:
    """ln tokens and ln params of the lowest validation loss at each budget, between and beyond the designs tried."""
    best = []
    for i in range(len(grid.flops)):
        x, n = _by_tokens(grid, i)
        trend = np.polyfit(x, n, 2)
        fine = np.linspace(x[0] - 1, x[-1] + 1, 4001)
        on_trend = np.asarray(np.polyval(trend, fine), dtype=np.float64)
        least = int(np.argmin(validation(fine, on_trend)))
        best.append((fine[least], on_trend[least]))
    tokens, params = np.array(best, dtype=np.float64).T
    return tokens, params


def _noisy(
    grid: Grid,
    noise: Noise,
    loss: list[Floats],
    surface: dict[str, list[Floats]],
    truths: tuple[float, float],
    size: int,
    replicates: int,
    rng: np.random.Generator,
) -> Simulated:
    """Add the noise of runs, budgets and items to noiseless values of true Δβ and exponent ``truths``."""
    population, allocation = truths
    counts = [len(x) for x in grid.log_tokens]
    shared = [rng.standard_normal((n, size)) for n in counts]
    losses = [(value[:, None] * (1 + noise.loss * shared[i])) for i, value in enumerate(loss)]
    errors: dict[str, list[Floats]] = {}
    resampled: dict[str, list[Floats]] = {}
    these_items = np.full(size, population)
    for group in GROUPS:
        scale = np.sqrt(noise.items)
        level = noise.item_level * scale * rng.standard_normal((size, noise.items, 1))
        slope = noise.item_slope * scale * rng.standard_normal((size, noise.items, 1))
        weights = _resamplings(size, noise.items, replicates, rng)  # (M, J, B)
        weights = np.concatenate([np.full((size, noise.items, 1), 1 / noise.items), weights], axis=2)
        errors[group], resampled[group], clean = [], [], []
        for i, (n, z) in enumerate(zip(counts, grid.z, strict=True)):
            common = level + slope * z
            interaction = noise.item_run * scale * rng.standard_normal((size, n, noise.items))
            relative = np.swapaxes(interaction + np.swapaxes(common, 1, 2), 0, 1)  # (n, M, J)
            run = noise.shared * shared[i] + noise.own * rng.standard_normal((n, size))
            run += noise.budget * rng.standard_normal(size)
            mean = np.einsum("nmj,mjb->nmb", relative, weights, optimize=True)
            value = surface[group][i][:, None, None] * (1 + mean + run[..., None])
            errors[group].append(value[..., 0])
            resampled[group].append(value[..., 1:])
            clean.append(np.log1p(common.mean(axis=(1, 2))))
        drift = grid.z @ np.array(clean) / (grid.z @ grid.z)
        these_items = these_items + (drift if group == "target" else -drift)
    return Simulated(grid, losses, errors, resampled, these_items, population, allocation)


def _resamplings(size: int, items: int, replicates: int, rng: np.random.Generator) -> Floats:
    """(M, J, B) shares of each item in each resampling of J out of J."""
    drawn = rng.integers(0, items, (size * replicates, items))
    drawn += items * np.arange(size * replicates)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=size * replicates * items)
    return np.swapaxes(counts.reshape(size, replicates, items), 1, 2) / items
