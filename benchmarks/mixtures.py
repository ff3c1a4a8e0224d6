"""Processor time of 1,000 bootstrap draws for a family of 13 mixture laws with 35 parameters each, on 512 mixtures.

    python benchmarks/mixtures.py [--draws 1000] [--targets 13]

The 13 losses of RegMix's models of 1M parameters by the shares of 17 parts (``reference/regmix_pile.csv.gz``);
pairs are resampled. Seconds of the processor and of the clock; on a busy machine only the former are meaningful.

Takes some minutes of one core; quoted in docs/explanation/performance.md.
"""

import time
from pathlib import Path

import numpy as np
from command_line import command_line
from numpy.typing import ArrayLike
from tabulate import tabulate

from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.law_draws import draws
from relscale.fitting.estimation.law_points import PointRow, Points
from relscale.fitting.estimation.levenberg_marquardt import ORTHOGONAL, workers
from relscale.fitting.inference.bootstrap.schemes import PAIRS
from relscale.laws.catalogue import law
from relscale.storage.tables import read_table

TABLE = Path(__file__).parents[1] / "reference" / "regmix_pile.csv.gz"


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--targets", type=int, default=13)
    options = parser.parse_args()
    rows = [row for row in read_table(TABLE).to_pylist() if row["use"] == "train"]
    shares, losses = ([name for name in rows[0] if name.startswith(kind)] for kind in ("share_", "loss_"))
    x = np.array([[row[name] for row in rows] for name in shares])
    one = law("mixture_additive", tuple(shares))

    def fit(
        y: ArrayLike, weights: ArrayLike, starts: ArrayLike | None, tolerance: float = ORTHOGONAL
    ) -> Estimates:
        return estimate(one, x, y, weights=weights, residual="linear", starts=starts, tolerance=tolerance)

    table = []
    for target in losses[: options.targets]:
        begin, clock = time.process_time(), time.monotonic()
        y, equal = np.array([row[target] for row in rows]), np.ones(len(rows))
        found = fit(y, equal, None)
        points = Points([PointRow() for _ in y], x, y, np.full(len(y), np.nan), [])
        drawn = draws(
            one, found, points, x, fit, scheme=PAIRS, number=options.draws, log_residual=False, weights=equal,
            rng=np.random.default_rng(0),
        )  # fmt: skip
        failed = int(np.isnan(drawn.theta[0]).sum())
        table.append([target, time.process_time() - begin, time.monotonic() - clock, failed])
        print(*table[-1], flush=True)
    total = np.array([row[1:] for row in table]).sum(axis=0)
    print(f"{len(rows)} mixtures of {len(shares)} parts, {options.draws} draws, {workers()} cores\n")
    print(tabulate([*table, ["all", *total]], ["target", "CPU s", "clock s", "failed draws"], floatfmt=".1f"))


if __name__ == "__main__":
    main()
