"""Coverage of Δβ on an IsoFLOP grid, from runs to parabolas to lines, for both estimands.

Data sets are fitted all at once by the functions that ``relscale.fitting.fit`` calls
(``tests/fitting/test_coverage.py`` holds the two against each other). What is true is in ``generators.isoflop``.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from generators.isoflop import GENERATORS, GROUPS, Floats, Grid, Noise, Simulated
from trials.outcome import Row, covered, monte_carlo_error, verdict

from relscale.commands.inputs import training_experiment
from relscale.errors import RelscaleError
from relscale.fitting.curves.curves import PointVariance
from relscale.fitting.curves.frontier import minimum_spread
from relscale.fitting.curves.optimal_errors import read_off
from relscale.fitting.curves.run_matrix import RunMatrix
from relscale.fitting.inference import interval
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.inference.interval import Interval, item_lines
from relscale.fitting.inference.log_log_lines import lines
from relscale.laws import parabola

CHUNK = 50  # data sets at a time, for memory's sake
REPLICATES = 200  # of the items


EXPONENT = "exponent of compute-optimal tokens"


def optima(data: Simulated) -> tuple[Floats, Floats]:
    """ln tokens of each budget's optimum, nan if it is not inside the widths tried; and the share of those (M,)."""
    best, failed = [], []
    for log_tokens, loss in zip(data.grid.log_tokens, data.loss, strict=True):
        x = log_tokens - log_tokens.mean()
        at = parabola.minimum(parabola.coefficients(x, loss))[0]
        inside = (at > x.min()) & (at < x.max())
        best.append(np.where(inside, at, np.nan) + log_tokens.mean())
        failed.append(~inside)
    return np.array(best), np.mean(failed, axis=0)


def estimate(data: Simulated, level: float) -> tuple[dict[Estimand, Interval], Floats]:
    """Intervals of Δβ for both estimands, (M,) each, and the share of parabolas without an interior minimum (M,)."""
    log_ratio, draws, noise = [], [], []
    best, failed = optima(data)
    for i, log_tokens in enumerate(data.grid.log_tokens):
        x, at = log_tokens - log_tokens.mean(), best[i] - log_tokens.mean()
        read = [np.log(read_off(x, data.errors[group][i], at)[0]) for group in GROUPS]
        read_draws = [np.log(read_off(x, data.replicates[group][i], at[:, None])[0]) for group in GROUPS]
        log_ratio.append(read[0] - read[1])
        draws.append(read_draws[0] - read_draws[1])
        noise.append(np.full(len(at), 1 / len(x)))
    log_flops, y, replicates = np.log(data.grid.flops), np.array(log_ratio), np.array(draws)
    fitted = lines(log_flops, y, np.array(noise))
    items = item_lines(log_flops, y, replicates, fitted)
    result = {
        Estimand.THESE_ITEMS: interval.slope(fitted, level),
        Estimand.ITEM_POPULATION: interval.slope(fitted, level, items),
    }
    return result, failed


def allocation(data: Simulated, level: float) -> Interval:
    """Interval of the exponent of compute-optimal tokens, (M,)."""
    best, _ = optima(data)
    noise, variance, df = [], [], []
    for log_tokens, loss in zip(data.grid.log_tokens, data.loss, strict=True):
        x = log_tokens - log_tokens.mean()
        c = parabola.coefficients(x, loss)
        noise.append(minimum_spread(x, c) ** 2)
        df.append(np.full(loss.shape[1], len(x) - 3.0))
        scatter = ((loss - parabola.value(c, x[:, None])) ** 2).sum(axis=0) / (len(x) - 3)
        variance.append(scatter * noise[-1])
    stated = PointVariance(np.array(variance), np.array(df))
    return interval.slope(lines(np.log(data.grid.flops), best, np.array(noise), point_variance=stated), level)


def coverage(grid: Grid, noise: Noise, size: int, level: float, seed: int) -> list[Row]:
    """A row per generator and estimand."""
    rows: list[Row] = []
    for number, (name, generator) in enumerate(GENERATORS.items()):
        rng = np.random.default_rng([seed, number])
        parts: dict[str, list[tuple[Floats, ...]]] = {}
        failures = []
        for start in range(0, size, CHUNK):
            data = generator(grid, noise, min(CHUNK, size - start), REPLICATES, rng)
            of_delta_beta, failed = estimate(data, level)
            failures.append(failed)
            found: list[tuple[str, Interval, Floats | float]] = [
                (f"Δβ, {Estimand.THESE_ITEMS}", of_delta_beta[Estimand.THESE_ITEMS], data.these_items),
                (f"Δβ, {Estimand.ITEM_POPULATION}", of_delta_beta[Estimand.ITEM_POPULATION], data.population),
                (EXPONENT, allocation(data, level), data.allocation),
            ]
            for quantity, limits, true in found:
                truth = np.broadcast_to(true, limits.value.shape)
                parts.setdefault(quantity, []).append((limits.low, limits.high, limits.value, truth))
        for quantity, of_chunks in parts.items():
            low, high, value, truth = (np.concatenate(part) for part in zip(*of_chunks, strict=True))
            hit = covered(low, high, truth)
            rows.append(
                {
                    "grid": grid.name,
                    "generator": name,
                    "interval of": quantity,
                    "coverage": float(np.nanmean(hit)),
                    "Monte Carlo error": monte_carlo_error(hit, level),
                    "nominal": verdict(hit, level),
                    "mean width": float(np.nanmean(high - low)),
                    "bias": float(np.nanmean(value - truth)),
                    "budgets flagged": float(np.concatenate(failures).mean()),
                    "no interval": float(np.isnan(hit).mean()),
                }
            )
    return rows


def grids_of_plan(path: str) -> list[Grid]:
    """One grid per corpus and optimizer of an experiment's plan."""
    runs = training_experiment(Path(path)).planned_runs
    keys = sorted({(run.corpus, run.hyperparameters.optimizer) for run in runs})
    result = []
    for corpus, optimizer in keys:
        mine = [run for run in runs if (run.corpus, run.hyperparameters.optimizer) == (corpus, optimizer)]
        result.append(
            grid(
                f"{corpus}, {optimizer}",
                np.array([run.budget for run in mine]),
                np.array([run.training_flops for run in mine], dtype=float),
                np.array([run.tokens for run in mine], dtype=float),
                np.array([run.params for run in mine], dtype=float),
            )
        )
    return result


def grids_of_measurements(found: Sequence[RunMatrix]) -> list[Grid]:
    """One grid per matrix, of the runs with a validation loss."""
    result = []
    for matrix in found:
        ok = np.isfinite(matrix.loss)
        columns = (matrix.budget[ok], matrix.training_flops[ok], matrix.tokens[ok], matrix.params[ok])
        result.append(grid(f"{matrix.corpus}, {matrix.optimizer}", *columns))
    return result


def grid(name: str, budget: Floats, flops: Floats, tokens: Floats, params: Floats) -> Grid:
    at = [np.flatnonzero(budget == value) for value in np.unique(budget)]
    return Grid(
        name=name,
        flops=np.array([np.exp(np.log(flops[rows]).mean()) for rows in at]),
        log_tokens=[np.log(tokens[rows]) for rows in at],
        log_params=[np.log(params[rows]) for rows in at],
    )


def noise_of(found: Sequence[RunMatrix], items: int, suite: str, metric: str) -> Noise:
    """Relative noise of one metric of one suite, averaged over run matrices and groups.

    Runs: variances and covariances between seeds of one design. Items: replicates' deviations, run by run, split into
    a level, a slope on ln FLOPs and what is left.

    Raises
    ------
    RelscaleError
        No design was trained with several seeds, or the suite has no replicates of this metric.
    """
    run_noise: list[tuple[float, float, float]] = []
    item_noise: list[tuple[float, float, float]] = []
    for matrix in found:
        columns = [
            i for i, series in enumerate(matrix.series) if (series.suite, series.metric) == (suite, metric)
        ]
        ok = np.isfinite(matrix.loss) & np.isfinite(matrix.values[:, columns]).all(axis=1)
        logs = np.log(np.column_stack([matrix.loss, matrix.values[:, columns]]))[ok]
        design = np.stack([matrix.params, matrix.tokens], axis=1)[ok]
        of_design, count = np.unique(design, axis=0, return_inverse=True, return_counts=True)[1:]
        df = (count - 1).sum()
        if not columns or df < 1:
            continue
        mean = np.stack([np.bincount(of_design, column) / count for column in logs.T], axis=1)
        covariance = (logs - mean[of_design]).T @ (logs - mean[of_design]) / df
        groups = covariance[1:, 1:]
        shared = groups[~np.eye(len(groups), dtype=bool)].mean() if len(groups) > 1 else 0.0
        shared = max(shared, 0.0)
        run_noise.append((covariance[0, 0], shared, max(np.diag(groups).mean() - shared, 0.0)))
        if not matrix.replicates.shape[-1]:
            continue
        x = np.log(matrix.training_flops[ok])
        deviations = np.log(matrix.replicates[ok][:, columns] / matrix.values[ok][:, columns, None])
        fitted = lines(x, deviations)
        left = float(np.mean(fitted.variance))
        of_level = float(np.mean(fitted.level**2) - left / len(x))
        of_slope = float(np.mean(fitted.slope**2) - left / np.mean(fitted.sxx))
        item_noise.append((of_level, max(of_slope, 0.0), left))
    if not run_noise or not item_noise:
        raise RelscaleError(
            f"no repeated seeds, or no replicates, of suite {suite!r}, metric {metric!r}; give no measurements to use "
            "the default noise"
        )
    loss, shared, own = np.mean(run_noise, axis=0)
    item_level, item_slope, item_run = np.mean(item_noise, axis=0)
    own = max(own - item_run, 0.0)  # what seeds differ by holds the interaction of the items at hand
    variances = {"loss": loss, "shared": shared, "own": own}
    variances |= {"item_level": item_level, "item_slope": item_slope, "item_run": item_run}
    return Noise(items=items, **{name: math.sqrt(max(variance, 0.0)) for name, variance in variances.items()})
