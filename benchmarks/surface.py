"""Time of 1,000 bootstrap replicates of L(N, D) on 240 points, against loops of scipy fits of the same objective.

    python benchmarks/surface.py [--replicates 1000] [--loop 20]

Data: the points of Chinchilla's Figure 4 except the five of highest loss. Objective: Huber's loss (δ = 1e-3) of
ln L(N, D), in ln A, ln B, E, α, β. In all rows, every replicate is searched from the same three points: the optimum of
the data themselves and the two best of the law's own starting points; the best result is kept. The loops fit ``--loop``
replicates, and their time is scaled to all. Times are processor times of one thread.

Differences are the largest relative ones between a loop and relscale, over the loop's replicates: of the fitted losses,
and of the parameters. "lower" is the share of replicates in which the loop's objective is lower than relscale's by more
than 1e-9 of it, "higher" the converse.

Takes seconds; quoted in docs/explanation/performance.md.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from command_line import command_line

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before numpy: threads slow down small systems, scipy's most of all

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares, minimize
from tabulate import tabulate

from relscale.fitting.estimation.estimate import estimate
from relscale.laws import parametric
from relscale.storage.tables import read_table

DELTA = 1e-3
TABLE = Path(__file__).parents[1] / "reference" / "chinchilla_figure4.csv"
Array = NDArray[np.float64]


def data() -> tuple[Array, Array]:
    """N and D (2, n), and the loss (n,)."""
    table = read_table(TABLE)
    params, flops, loss = (table[name].to_numpy() for name in ("params", "training_flops", "loss"))
    kept = np.sort(np.argsort(loss)[:-5])
    return np.stack([params, flops / (6 * params)])[:, kept], loss[kept]


def theta(u: Array) -> Array:
    return np.array([u[0], np.exp(u[1]), np.exp(u[2]), u[3], u[4]])


def residuals(u: Array, x: Array, y: Array) -> Array:
    return np.log(parametric.value(theta(u), x)) - np.log(y)


def derivatives(u: Array, x: Array, y: Array) -> Array:
    """∂r/∂u, (n, 5)."""
    t = theta(u)
    scale = np.array([1, t[1], t[2], 1, 1])[:, None]
    return np.asarray((parametric.jacobian(t, x) * scale / parametric.value(t, x)).T)


def objective(u: Array, x: Array, y: Array) -> float:
    size = np.abs(residuals(u, x, y))
    return float(np.where(size <= DELTA, size**2 / 2, DELTA * size - DELTA**2 / 2).sum())


def gradient(u: Array, x: Array, y: Array) -> Array:
    return derivatives(u, x, y).T @ np.clip(residuals(u, x, y), -DELTA, DELTA)


BOUNDS = [(0, None), (None, None), (None, None), (0, 5), (0, 5)]
TIGHT = {"maxiter": 20_000, "maxfun": 100_000, "ftol": 1e-16, "gtol": 1e-12, "maxcor": 20}


def without_gradient(start: Array, x: Array, y: Array) -> Array:
    """As people write it: L-BFGS-B with its defaults and differences for a gradient."""
    return np.asarray(minimize(objective, start, (x, y), method="L-BFGS-B", bounds=BOUNDS).x)


def with_gradient(start: Array, x: Array, y: Array) -> Array:
    """L-BFGS-B with the analytic gradient, run on until it finds nothing lower."""
    found = minimize(objective, start, (x, y), method="L-BFGS-B", jac=gradient, bounds=BOUNDS, options=TIGHT)
    return np.asarray(found.x)


def trust_region(start: Array, x: Array, y: Array) -> Array:
    """scipy's least squares with Huber's loss and the analytic Jacobian."""
    low, high = np.array([(a if a is not None else -np.inf, b or np.inf) for a, b in BOUNDS]).T
    found = least_squares(
        residuals,
        start,
        derivatives,
        bounds=(low, high),
        x_scale="jac",
        loss="huber",
        f_scale=DELTA,
        ftol=1e-15,
        xtol=1e-12,
        gtol=1e-15,
        max_nfev=2000,
        args=(x, y),
    )
    return np.asarray(found.x)


def loop(fit: Callable[..., Array], x: Array, y: Array, counts: Array, starts: Array) -> Array:
    """The best of all starts for each replicate, (5, B), one fit after the other."""
    found = []
    for count in counts.T:
        rows = np.repeat(np.arange(len(y)), count.astype(int))
        each = [fit(start, x[:, rows], y[rows]) for start in starts]
        found.append(min(each, key=lambda u: objective(u, x[:, rows], y[rows])))
    return np.array(found).T


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--loop", type=int, default=20, help="replicates that the loops do")
    options = parser.parse_args()
    x, y = data()
    rng = np.random.default_rng(0)
    counts = rng.multinomial(len(y), np.full(len(y), 1 / len(y)), size=options.replicates).T.astype(float)
    best = estimate(parametric.LAW, x, y, loss="huber", delta=DELTA)
    starts = np.concatenate([best.theta.T, parametric.starts(x, y)[:2]])

    begin = time.process_time()
    ours = estimate(parametric.LAW, x, y, weights=counts, loss="huber", delta=DELTA, starts=starts)
    spent = time.process_time() - begin
    rows = [["relscale, all at once", options.replicates, spent, 1.0, None, None, None, None]]

    in_logs = np.array([[t[0], np.log(t[1]), np.log(t[2]), t[3], t[4]] for t in starts])
    some = counts[:, : options.loop]
    reference = ours.theta[:, : options.loop]
    for name, fit in (
        ("L-BFGS-B, no gradient, defaults", without_gradient),
        ("L-BFGS-B, gradient, tight", with_gradient),
        ("least_squares, Jacobian, tight", trust_region),
    ):
        begin = time.process_time()
        found = loop(fit, x, y, some, in_logs)
        scaled = (time.process_time() - begin) * options.replicates / options.loop
        parameters = theta(found)
        losses, expected = (parametric.value(t, x[..., None]) for t in (parameters, reference))
        lower, higher = compared(found, ours.objective[: options.loop], x, y, some)
        rows.append(
            [
                name,
                options.loop,
                scaled,
                scaled / spent,
                np.abs(losses / expected - 1).max(),
                np.abs(parameters / reference - 1).max(),
                lower,
                higher,
            ]
        )
    print(f"{len(y)} points, {options.replicates} replicates, {len(starts)} starts each\n")
    head = ["fitted by", "replicates done", "seconds for all", "times ours"]
    head += ["max. difference of losses", "of parameters", "lower", "higher"]
    print(tabulate(rows, head, floatfmt=("", "", ".1f", ".1f", ".1e", ".1e", ".2f", ".2f")))
    print(f"\n{ours.converged.mean():.1%} of the engine's replicates converged")


def compared(found: Array, ours: Array, x: Array, y: Array, counts: Array) -> tuple[float, float]:
    """In which share of replicates a loop's objective is lower than the engine's, and higher."""
    theirs = []
    for u, count in zip(found.T, counts.T, strict=True):
        rows = np.repeat(np.arange(len(y)), count.astype(int))
        theirs.append(objective(u, x[:, rows], y[rows]))
    gap = np.array(theirs) / ours - 1
    return float((gap < -1e-9).mean()), float((gap > 1e-9).mean())


if __name__ == "__main__":
    main()
