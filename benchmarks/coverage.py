"""How often do nominal 95% intervals of Δβ hold the true one, on an experiment's own grid?

    python benchmarks/coverage.py config.yaml [--measurements M.parquet --replicates R.parquet] [--output TABLE.md]

Grid: the runs of the experiment's plan, or those of a table of measurements. Noise: from the table's repeated seeds
and replicates where it has them, else the defaults of ``generators.Noise``. Prints a table; the generators, and what is
true in each, are in ``generators.py``. Data sets are fitted all at once by the functions that ``relscale.fitting.fit``
calls (``tests/fitting/test_coverage.py`` holds the two against each other).
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parent))
from generators import GENERATORS, GROUPS, Floats, Grid, Noise, Simulated

from relscale.config import load_config
from relscale.design.isoflop import plan
from relscale.errors import RelscaleError
from relscale.fitting import interval
from relscale.fitting.errors import read_off
from relscale.fitting.interval import Interval, item_lines
from relscale.fitting.ladder import Ladder, ladders
from relscale.fitting.last_stage import lines
from relscale.laws import parabola
from relscale.tables import read_table

CHUNK = 50  # data sets at a time, for memory's sake
REPLICATES = 200


def estimate(data: Simulated, level: float) -> tuple[dict[str, Interval], Floats]:
    """Intervals of Δβ for both estimands, (M,) each, and the share of parabolas without an interior minimum (M,)."""
    log_ratio, draws, noise, failed = [], [], [], []
    for i, log_tokens in enumerate(data.grid.log_tokens):
        x = log_tokens - log_tokens.mean()
        best = parabola.minimum(parabola.coefficients(x, data.loss[i]))[0]
        inside = (best > x.min()) & (best < x.max())
        at = np.where(inside, best, np.nan)
        read = [np.log(read_off(x, data.errors[group][i], at)[0]) for group in GROUPS]
        read_draws = [np.log(read_off(x, data.replicates[group][i], at[:, None])[0]) for group in GROUPS]
        log_ratio.append(read[0] - read[1])
        draws.append(read_draws[0] - read_draws[1])
        noise.append(np.full(len(at), 1 / len(x)))
        failed.append(~inside)
    log_flops, y, replicates = np.log(data.grid.flops), np.array(log_ratio), np.array(draws)
    fitted = lines(log_flops, y, np.array(noise))
    items = item_lines(log_flops, y, replicates, fitted)
    result = {
        interval.THESE_ITEMS: interval.slope(fitted, level),
        interval.ITEM_POPULATION: interval.slope(fitted, level, items),
    }
    return result, np.mean(failed, axis=0)


def coverage(grid: Grid, noise: Noise, size: int, level: float, seed: int) -> list[dict[str, object]]:
    """A row for each generator and estimand."""
    rows: list[dict[str, object]] = []
    for number, (name, generator) in enumerate(GENERATORS.items()):
        rng = np.random.default_rng([seed, number])
        hits: dict[str, list[Floats]] = {}
        widths: dict[str, list[Floats]] = {}
        error, failures = [], []
        for start in range(0, size, CHUNK):
            data = generator(grid, noise, min(CHUNK, size - start), REPLICATES, rng)
            found, failed = estimate(data, level)
            truths = {interval.THESE_ITEMS: data.these_items, interval.ITEM_POPULATION: data.population}
            for estimand, limits in found.items():
                hit = (limits.low <= truths[estimand]) & (truths[estimand] <= limits.high)
                hits.setdefault(estimand, []).append(np.where(np.isnan(limits.low), np.nan, hit))
                widths.setdefault(estimand, []).append(limits.high - limits.low)
            error.append(found[interval.THESE_ITEMS].value - data.these_items)
            failures.append(failed)
        for estimand in hits:
            known = np.concatenate(hits[estimand])
            share = np.nanmean(known)
            rows.append(
                {
                    "grid": grid.name,
                    "generator": name,
                    "estimand": estimand,
                    "coverage": share,
                    "monte carlo error": math.sqrt(share * (1 - share) / np.isfinite(known).sum()),
                    "mean width": np.nanmean(np.concatenate(widths[estimand])),
                    "bias": np.nanmean(np.concatenate(error)),
                    "budgets flagged": np.concatenate(failures).mean(),
                    "no interval": np.isnan(known).mean(),
                }
            )
    return rows


def grids_of_plan(path: str) -> list[Grid]:
    """One grid for each corpus and optimizer of an experiment's plan."""
    runs = plan(load_config(path))
    keys = sorted({(run.corpus, run.hyperparameters.optimizer) for run in runs})
    result = []
    for corpus, optimizer in keys:
        mine = [run for run in runs if (run.corpus, run.hyperparameters.optimizer) == (corpus, optimizer)]
        result.append(
            _grid(
                f"{corpus}, {optimizer}",
                np.array([run.budget for run in mine]),
                np.array([run.training_flops for run in mine], dtype=float),
                np.array([run.tokens for run in mine], dtype=float),
                np.array([run.params for run in mine], dtype=float),
            )
        )
    return result


def grids_of_measurements(found: Sequence[Ladder]) -> list[Grid]:
    """One grid for each ladder: the runs that counted."""
    result = []
    for ladder in found:
        ok = np.isfinite(ladder.loss)
        columns = (ladder.budget[ok], ladder.training_flops[ok], ladder.tokens[ok], ladder.params[ok])
        result.append(_grid(f"{ladder.corpus}, {ladder.optimizer}", *columns))
    return result


def _grid(name: str, budget: Floats, flops: Floats, tokens: Floats, params: Floats) -> Grid:
    at = [np.flatnonzero(budget == value) for value in np.unique(budget)]
    return Grid(
        name=name,
        flops=np.array([np.exp(np.log(flops[rows]).mean()) for rows in at]),
        log_tokens=[np.log(tokens[rows]) for rows in at],
        log_params=[np.log(params[rows]) for rows in at],
    )


def noise_of(found: Sequence[Ladder], items: int, suite: str, metric: str) -> Noise:
    """Relative noise of one metric of one suite, averaged over ladders and groups.

    Runs: variances and covariances between seeds of one design. Items: replicates' deviations, run by run, split into
    a level, a slope on ln FLOPs and what is left.

    Raises
    ------
    RelscaleError
        No design was trained with several seeds, or the suite has no replicates of this metric.
    """
    run_noise, item_noise = [], []
    for ladder in found:
        columns = [
            i for i, series in enumerate(ladder.series) if (series.suite, series.metric) == (suite, metric)
        ]
        ok = np.isfinite(ladder.loss) & np.isfinite(ladder.values[:, columns]).all(axis=1)
        logs = np.log(np.column_stack([ladder.loss, ladder.values[:, columns]]))[ok]
        design = np.stack([ladder.params, ladder.tokens], axis=1)[ok]
        of_design, count = np.unique(design, axis=0, return_inverse=True, return_counts=True)[1:]
        df = (count - 1).sum()
        if not columns or df < 1:
            continue
        mean = np.stack([np.bincount(of_design, column) / count for column in logs.T], axis=1)
        covariance = (logs - mean[of_design]).T @ (logs - mean[of_design]) / df
        groups = covariance[1:, 1:]
        shared = groups[~np.eye(len(groups), dtype=bool)].mean() if len(groups) > 1 else 0.0
        run_noise.append(
            (covariance[0, 0], max(shared, 0.0), max(np.diag(groups).mean() - max(shared, 0.0), 0.0))
        )
        if not ladder.replicates.shape[-1]:
            continue
        x = np.log(ladder.training_flops[ok])
        deviations = np.log(ladder.replicates[ok][:, columns] / ladder.values[ok][:, columns, None])
        fitted = lines(x, deviations)
        left = np.mean(fitted.variance)
        item_noise.append(
            (
                np.mean(fitted.level**2) - left / len(x),
                max(np.mean(fitted.slope**2) - left / np.mean(fitted.sxx), 0.0),
                left,
            )
        )
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


def markdown(rows: Sequence[dict[str, object]], noise: Noise, size: int, level: float) -> str:
    """The table, with the noise that it stands on."""
    names = list(rows[0])
    shown = [
        [f"{value:.1%}" if name in PERCENT else f"{value:.2g}" if isinstance(value, float) else str(value)
         for name, value in row.items()]
        for row in rows
    ]  # fmt: skip
    lines_of_table = [names, ["---"] * len(names), *shown]
    head = f"{size} data sets; nominal {level:.0%}; noise: " + ", ".join(
        f"{name} {value:.2g}" for name, value in vars(noise).items()
    )
    return "\n".join([head, "", *("| " + " | ".join(cells) + " |" for cells in lines_of_table)])


PERCENT = ("coverage", "monte carlo error", "budgets flagged", "no interval")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="the experiment, for its grid")
    parser.add_argument("--measurements", help="take grid and run noise from this table")
    parser.add_argument("--replicates", help="and item noise from this one")
    parser.add_argument("--suite", default="knowledge", help="whose noise")
    parser.add_argument("--metric", default="bits_per_byte_answer_mean", help="whose noise")
    parser.add_argument("--items", type=int, default=200, help="items in each simulated group")
    parser.add_argument("--datasets", type=int, default=1000)
    parser.add_argument("--level", type=float, default=0.95)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", help="write the table to this file too")
    options = parser.parse_args()
    noise = Noise(items=options.items)
    if options.measurements:
        replicates: pa.Table | None = read_table(options.replicates) if options.replicates else None
        found = ladders(read_table(options.measurements), replicates)
        grids = grids_of_measurements(found)
        noise = noise_of(found, options.items, options.suite, options.metric)
    else:
        grids = grids_of_plan(options.config)
    rows = [
        row
        for i, grid in enumerate(grids)
        for row in coverage(grid, noise, options.datasets, options.level, options.seed + i)
    ]
    table = markdown(rows, noise, options.datasets, options.level)
    print(table)
    if options.output:
        Path(options.output).write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
