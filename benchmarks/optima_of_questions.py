"""Coverage of the intervals of optima that questions fit themselves (``relscale ask mixture``, ``projection``, …).

    python benchmarks/optima_of_questions.py [QUESTION ...] [--tables 200] [--draws 200]

Simulated tables: sweeps of 16 and 25 learning rates and batches around the minimum of a paraboloid; 12 models on
each of two data pools; 40 mixtures of three parts at each of two sizes; and 60 mixtures of three parts with the
additive law. The true optima follow from the formulas, or are the question's answer on the table without noise.
Printed is the share of tables whose interval contains the optimum, per quantity; its standard error is 1.5% for 200
tables at 95%.

Takes as long as one question per table; quoted in docs/explanation/optima.md.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from command_line import command_line
from numpy.typing import NDArray

from relscale.laws import additive_effects, filtering
from relscale.questions import curation, mixture, projection, sweep
from relscale.storage.column_arrays import Columns

Array = NDArray[np.float64]
Hits = Iterator[tuple[str, bool]]  # the quantity, and whether its interval contains the optimum


def _hit(quantity: str, truth: float, low: float | None, high: float | None) -> Hits:
    """Whether the limits contain the truth, within the tolerance of the search of an optimum; none without limits."""
    if low is not None and high is not None:
        yield quantity, low - 1e-6 <= truth <= high + 1e-6


def of_sweep(side: int, rng: np.random.Generator, draws: int) -> Hits:
    """ln lr and ln batch about (−6, 12.5), correlated; noise of 0.1% of the loss."""
    grid = np.meshgrid(np.linspace(-7, -5, side), np.linspace(11, 14, side))
    rate, batch = (axis.ravel() for axis in grid)
    a, b = rate + 6, batch - 12.5
    loss = 2.5 * (1 + 0.01 * a**2 + 0.004 * b**2 - 0.003 * a * b + rng.normal(0, 1e-3, len(a)))
    table = Columns(
        {"learning_rate": np.exp(rate), "batch_tokens": np.exp(batch), "loss": loss}
        | {"params": np.full(side**2, 1e8), "tokens": np.full(side**2, 1e9)}
    )
    (row,) = sweep.rows(table, draws=draws)
    yield from _hit("learning rate", float(np.exp(-6)), row.rate_low, row.rate_high)
    yield from _hit("batch", float(np.exp(12.5)), row.batch_low, row.batch_high)


def of_curation(rng: np.random.Generator, draws: int) -> Hits:
    """Two pools of 10⁷ samples; noise of 0.3%."""
    pool, a, d, b, tau = 1e7, 0.05, 0.1, (-0.25, -0.2), (3.0, 6.0)
    seen = np.geomspace(2e6, 5e8, 12)
    error = [
        filtering.value(np.array([a, of_b, of_tau, d]), np.stack([seen, np.full(12, pool)]))
        for of_b, of_tau in zip(b, tau, strict=True)
    ]
    noisy = np.concatenate(error) * np.exp(rng.normal(0, 3e-3, 24))
    truth = curation.optimal_ranges(np.array([a, d, *b, *tau]), pool, np.geomspace(pool, 5e9, curation.GRID))
    table = Columns(
        {"samples": np.tile(seen, 2), "pool_samples": np.full(24, pool), "error": noisy}
        | {"pool": np.repeat(np.array(["first", "second"], dtype=object), 12)}
    )
    row = next(curation.rows(table, y="error", draws=draws))
    if truth[0][:2] == [1, 2]:
        yield from _hit("change", truth[1][0], row.low, row.high)


def of_projection(rng: np.random.Generator, draws: int) -> Hits:
    """Losses that are quadratic in the shares of three parts, at 1e8 and 1e9 parameters, for 1e10; noise of 0.3%."""
    design = np.random.default_rng(0)
    shares = design.dirichlet(np.ones(3), size=80).T
    size = np.repeat([1e8, 1e9], 40)
    distance = 0.5 + 0.3 * shares[0] - 0.2 * shares[1] ** 2
    best = np.where(size == 1e8, [[0.5], [0.3], [0.2]], [[0.45], [0.32], [0.23]])
    ln_loss = 1 - 0.05 * np.log(size / 1e8) + 0.3 * ((shares - best) ** 2).sum(axis=0) * (1 + distance)
    noisy = ln_loss + rng.normal(0, 3e-3, 80)

    def answers(values: Array, number: int) -> list[projection.ProjectionRow]:
        table = Columns(
            {"a": shares[0], "b": shares[1], "c": shares[2], "params": size, "distance": distance}
            | {"loss": np.exp(values)}
        )
        return list(projection.rows(table, x=("a", "b", "c"), y="loss", size="params", at=1e10, draws=number))

    for truth, found in zip(answers(ln_loss, 0), answers(noisy, draws), strict=True):
        yield from _hit(found.quantity.split()[0], truth.value, found.low, found.high)


def of_mixture(rng: np.random.Generator, draws: int) -> Hits:
    """60 mixtures of three parts; noise of 0.3%."""
    shares = np.random.default_rng(0).dirichlet(np.ones(3), size=60).T
    loss = additive_effects.value(np.array([1.5, 0.9, 0.6, 0.4, 0.3, 0.5, 0.4]), shares)
    noisy = loss * np.exp(rng.normal(0, 3e-3, 60))

    def answers(values: Array, number: int) -> list[mixture.MixtureRow]:
        table = Columns({"share_a": shares[0], "share_b": shares[1], "share_c": shares[2], "loss": values})
        return list(
            mixture.rows(
                table, x=("share_a", "share_b", "share_c"), y=("loss",), law="mixture_additive", draws=number
            )
        )

    for truth, found in zip(answers(loss, 0), answers(noisy, draws), strict=True):
        yield from _hit(found.quantity, truth.value, found.low, found.high)


QUESTIONS: dict[str, Callable[[np.random.Generator, int], Hits]] = {
    "sweep_16": partial(of_sweep, 4),
    "sweep_25": partial(of_sweep, 5),
    "curation": of_curation,
    "projection": of_projection,
    "mixture": of_mixture,
}


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("questions", nargs="*", default=list(QUESTIONS))
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args()
    print("| question | quantity | coverage | intervals |\n|---|---|---|---|")
    for question in options.questions:
        rng = np.random.default_rng(0)
        hits: dict[str, list[bool]] = {}
        for _ in range(options.tables):
            for quantity, is_hit in QUESTIONS[question](rng, options.draws):
                hits.setdefault(quantity, []).append(is_hit)
        for quantity, of in hits.items():
            print(f"| `{question}` | {quantity} | {np.mean(of):.1%} | {len(of)} |", flush=True)


if __name__ == "__main__":
    main()
