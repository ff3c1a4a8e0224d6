"""Processor time of 1,000 bootstrap draws for a family of 13 mixture laws with 35 parameters each, on 512 mixtures.

    python benchmarks/mixtures.py [--draws 1000] [--targets 13] [--scipy 5]

The 13 losses of RegMix's models of 1M parameters by the shares of 17 parts (``reference/regmix_pile.csv.gz``);
pairs are resampled. Seconds of the processor and of the clock; on a busy machine only the former are meaningful. Of
each target a few draws are also fitted by ``scipy.optimize.least_squares``, from the same estimate, with the same
derivatives, bounds and logarithms: its processor time per draw as a multiple of relscale's, and how far its sum of
squares ends above, at most.

Takes some minutes of one core; quoted in docs/explanation/performance.md.
"""

import time
from pathlib import Path

import numpy as np
from command_line import command_line
from numpy.typing import ArrayLike
from scipy.optimize import least_squares
from tabulate import tabulate

from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.law_draws import draws
from relscale.fitting.estimation.law_points import PointRow, Points
from relscale.fitting.estimation.levenberg_marquardt import ORTHOGONAL
from relscale.fitting.estimation.preparation import prepared
from relscale.fitting.estimation.shares import workers
from relscale.fitting.inference.bootstrap import schemes
from relscale.fitting.inference.bootstrap.schemes import PAIRS
from relscale.laws.catalogue import law
from relscale.laws.law import Array, Law
from relscale.storage.tables import read_table

TABLE = Path(__file__).parents[1] / "reference" / "regmix_pile.csv.gz"


def by_scipy(one: Law, x: Array, y: Array, counts: Array, theta: Array) -> tuple[Array, float]:
    """The sum of squares of the fit of each draw, columns of ``counts``, from the estimate; and processor seconds."""
    objective, begin, _ = prepared(one, x, y, residual="linear", starts=theta[None])
    start, low, high = objective.u(begin)[:, 0, 0], objective.low[:, 0], objective.high[:, 0]
    inside = np.clip(start, low + 1e-9, np.where(np.isfinite(high), high - 1e-9, high))
    is_log = np.array([parameter.log for parameter in one.parameters])
    squares, clock = [], time.process_time()
    for count in counts.T:
        used = count > 0
        root = np.sqrt(count[used])

        def residual(u: Array, root: Array = root, x: Array = x[:, used], y: Array = y[used]) -> Array:
            return root * (one.value(objective.theta(u), x) - y)

        def slopes(u: Array, root: Array = root, x: Array = x[:, used]) -> Array:
            theta = objective.theta(u)
            return np.asarray((one.jacobian(theta, x) * np.where(is_log, theta, 1.0)[:, None] * root).T)

        squares.append(2 * least_squares(residual, inside, slopes, bounds=(low, high), x_scale="jac").cost)
    return np.array(squares), time.process_time() - clock


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--targets", type=int, default=13)
    parser.add_argument("--scipy", type=int, default=5, help="Draws of each target that scipy fits too.")
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
        seconds = time.process_time() - begin
        table.append([target, seconds, time.monotonic() - clock, failed])
        if options.scipy:
            counts = schemes.weights(
                PAIRS, len(y), options.draws, np.random.default_rng(0), blocks=range(len(y))
            )
            counts, theta = counts[:, : options.scipy], drawn.theta[:, : options.scipy]
            squares, of_scipy = by_scipy(one, x, y, counts, found.theta[:, 0])
            own = (counts * (one.value(theta, x[..., None]) - y[:, None]) ** 2).sum(axis=0)
            table[-1] += [
                of_scipy / options.scipy / (seconds / options.draws),
                100 * (squares / own - 1).max(),
            ]
        print(*table[-1], flush=True)
    head = ["target", "CPU s", "clock s", "failed draws", "scipy, times", "scipy above, %"]
    total = ["all", *np.array([row[1:4] for row in table]).sum(axis=0)]
    if options.scipy:
        total += [np.mean([row[4] for row in table]), max(row[5] for row in table)]
    print(f"{len(rows)} mixtures of {len(shares)} parts, {options.draws} draws, {workers()} cores\n")
    print(tabulate([*table, total], head[: len(total)], floatfmt=".1f"))


if __name__ == "__main__":
    main()
