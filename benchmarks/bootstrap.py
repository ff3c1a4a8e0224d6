"""1,000 bootstrap replicates of the relative law for 57 subjects × 3 corpora, against a plain loop of scipy fits.

    python benchmarks/bootstrap.py

* **lines by block**: 22 trainings of 35 checkpoints per corpus, whole trainings resampled; a line of the log ratio
  on log compute for each subject and draw. relscale also computes each draw's covariance, for studentised limits;
  the loop does not.
* **whole pipeline**: the 85 runs of each corpus of ``reference/isoflop_suite.csv`` in 7 budgets, resampled within
  budgets; a parabola of the validation loss, its minimum, every subject's error there by its own parabola, then the
  lines.

The loop fits each subject by itself; if it shared the parabolas of the validation loss and the baseline between
subjects, it would take a third of the time in the second row. It is timed on a part of the draws and subjects,
scaled, and must give the same slopes there. Times are of the wall clock on one thread.

Takes seconds; quoted in docs/explanation/performance.md.
"""

import csv
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from command_line import command_line

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before numpy: threads slow down small systems, scipy's most of all

import numpy as np
import pyarrow as pa
import scipy.stats
from numpy.typing import NDArray

from relscale.fitting.curves.frontier import Point, frontier
from relscale.fitting.curves.run_matrix import RunMatrix, run_matrices
from relscale.fitting.inference.bootstrap.blocks import block_lines, block_sums
from relscale.fitting.inference.bootstrap.frontier import frontier_draws
from relscale.fitting.inference.bootstrap.schemes import BLOCK, PAIRS, weights
from relscale.fitting.inference.log_log_lines import lines

Floats = NDArray[np.float64]

SUITE = Path(__file__).parents[1] / "reference" / "isoflop_suite.csv"
CORPORA, SUBJECTS, DRAWS = 3, 57, 1000
TRAININGS, CHECKPOINTS = 22, 35
TIMED_SUBJECTS, TIMED_DRAWS = 4, 25  # of the loop


def main() -> None:
    command_line(__doc__).parse_args()
    print(f"{DRAWS} draws, {SUBJECTS} subjects, {CORPORA} corpora\n")
    print("| | relscale, s | loop, s (scaled) | times as fast | largest relative difference |")
    print("|---|---|---|---|---|")
    ok = True
    for name, measure in (("lines by block", lines_by_block), ("whole pipeline", whole_pipeline)):
        mine, theirs, difference = measure()
        print(f"| {name} | {mine:.2f} | {theirs:.0f} | {theirs / mine:.0f} | {difference:.0e} |")
        ok &= mine < 10 and theirs / mine >= 100 and difference < 1e-4
    print("\nunder 10 s, at least 100 times as fast, the same within 1e-4:", "yes" if ok else "NO")
    sys.exit(not ok)


def lines_by_block() -> tuple[float, float, float]:
    """Seconds of relscale, scaled seconds of the loop, largest relative difference of a slope."""
    rng = np.random.default_rng(0)
    block = np.repeat(np.arange(TRAININGS), CHECKPOINTS)
    along = np.tile(np.log(np.arange(1, CHECKPOINTS + 1)), TRAININGS)
    x = 44 + rng.uniform(-2, 2, TRAININGS)[block] + along
    level = 0.05 * rng.standard_normal((CORPORA, TRAININGS, SUBJECTS))
    y = level[:, block] + np.linspace(-0.03, 0.03, SUBJECTS) * (x - x.mean())[:, None]
    y += 0.01 * rng.standard_normal(y.shape)
    drawn = weights(BLOCK, TRAININGS, DRAWS, rng, blocks=range(TRAININGS))

    def mine() -> Floats:
        z = (x - x.mean())[:, None]
        return np.stack([block_lines(block_sums(z, of_corpus, block), drawn).slope for of_corpus in y])

    def theirs() -> Floats:
        slopes = np.empty((CORPORA, TIMED_SUBJECTS, TIMED_DRAWS))
        for c in range(CORPORA):
            for b in range(TIMED_DRAWS):
                trainings = np.repeat(np.arange(TRAININGS), drawn[:, b].astype(int))
                rows = np.concatenate([np.flatnonzero(block == g) for g in trainings])
                for j in range(TIMED_SUBJECTS):
                    slopes[c, j, b] = scipy.stats.linregress(x[rows], y[c][rows, j]).slope
        return slopes

    return _compared(mine, theirs)


def whole_pipeline() -> tuple[float, float, float]:
    """As ``lines_by_block``."""
    found = run_matrices(_measurements())
    points = [frontier(matrix) for matrix in found]
    baseline = [[series.group for series in matrix.series].index("baseline") for matrix in found]
    subjects = [[k for k, s in enumerate(matrix.series) if s.group.startswith("subject")] for matrix in found]

    def mine() -> Floats:
        slopes = []
        for c, matrix in enumerate(found):
            draws = frontier_draws(matrix, points[c], PAIRS, DRAWS, np.random.default_rng(c))
            log_value = np.log(draws.value)
            log_flops = np.log([point.training_flops for point in points[c]])
            gaps = log_value[:, subjects[c]] - log_value[:, baseline[c], None]
            slopes.append(lines(log_flops, np.where(np.isfinite(gaps).all(axis=0), gaps, np.nan)).slope)
        return np.stack(slopes)

    def theirs() -> Floats:
        return np.stack(
            [
                _looped(matrix, points[c], subjects[c][:TIMED_SUBJECTS], baseline[c], c)
                for c, matrix in enumerate(found)
            ]
        )

    return _compared(mine, theirs)


def _looped(matrix: RunMatrix, points: list[Point], subjects: list[int], baseline: int, seed: int) -> Floats:
    """Slopes (timed subjects, timed draws); each subject's pipeline by itself, as a plain script would have it."""
    rng = np.random.default_rng(seed)
    drawn = [weights(PAIRS, len(point.rows), DRAWS, rng) for point in points]
    log_flops = np.log([point.training_flops for point in points])
    slopes = np.full((len(subjects), TIMED_DRAWS), np.nan)
    for j, subject in enumerate(subjects):
        for b in range(TIMED_DRAWS):
            gaps = np.full(len(points), np.nan)
            for i, point in enumerate(points):
                rows = np.repeat(point.rows, drawn[i][:, b].astype(int))
                x = np.log(matrix.tokens[rows]) - point.x_mean
                if len(np.unique(x)) < 3:
                    continue
                c2, c1, _ = np.polyfit(x, matrix.loss[rows], 2)
                best = -c1 / (2 * c2)
                if c2 > 0 and x.min() < best < x.max():
                    target, base = (
                        np.polyval(np.polyfit(x, matrix.values[rows, k], 2), best)
                        for k in (subject, baseline)
                    )
                    gaps[i] = np.log(target / base)
            slopes[j, b] = scipy.stats.linregress(log_flops, gaps).slope
    return slopes


def _compared(mine: Callable[[], Floats], theirs: Callable[[], Floats]) -> tuple[float, float, float]:
    mine()  # once to warm up
    start = time.perf_counter()
    all_slopes = mine()
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    some = theirs()
    scaled = (time.perf_counter() - start) * (SUBJECTS / TIMED_SUBJECTS) * (DRAWS / TIMED_DRAWS)
    same = all_slopes[:, :TIMED_SUBJECTS, :TIMED_DRAWS]
    assert (np.isfinite(same) == np.isfinite(some)).all(), "a draw failed in one and not in the other"
    return seconds, scaled, float(np.nanmax(np.abs(same / some - 1)))


def _measurements() -> pa.Table:
    """The published runs, with validation losses and subjects' errors made up."""
    rng = np.random.default_rng(1)
    with SUITE.open() as file:
        runs = list(csv.DictReader(file))
    rows = []
    for run in runs:
        flops, tokens = float(run["training_flops"]), float(run["tokens"])
        away = np.log(tokens) - np.log(20) / 2 - np.log(flops / 6) / 2
        noise = 0.003 * rng.standard_normal()
        common = {
            "corpus": run["corpus"],
            "run": run["run"],
            "budget": float(run["budget"]),
            "training_flops": flops,
            "tokens": tokens,
            "params": float(run["params"]),
        }
        base = (flops / 1e19) ** -0.05 * (1 + 0.04 * away**2 + noise)
        loss = {"suite": "validation", "group": "all", "metric": "nats_per_token", "value": 3 * base}
        rows.append(common | loss)
        names = ["baseline", *(f"subject {j:02d}" for j in range(SUBJECTS))]
        for name, slope in zip(names, np.linspace(-0.03, 0.03, SUBJECTS + 1), strict=True):
            value = base * (flops / 1e19) ** slope * (1 + 0.01 * rng.standard_normal())
            rows.append(common | {"suite": "mmlu", "group": name, "metric": "bits_per_byte", "value": value})
    return pa.Table.from_pylist(rows)


if __name__ == "__main__":
    main()
