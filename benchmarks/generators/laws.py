"""Data of which a law is true: for every law a realistic design, true parameters, and independent normal noise.

    ln y_i = ln f(θ, x_i) + sd · e_i    or    y_i = f(θ, x_i) + sd · e_i

Noise is 0.2% to 2%: as much as repeated runs differ by, or as is left where a law fits a published table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relscale.laws import annealing
from relscale.laws.catalogue import law
from relscale.laws.law import Law
from relscale.tables import read_table

Floats = NDArray[np.float64]

PARTS = ("share_web", "share_code", "share_books")
REFERENCE = Path(__file__).parents[2] / "reference"


@dataclass(frozen=True)
class Design:
    """A law, where it is measured, and what is true.

    Attributes
    ----------
    name
        What the points are.
    x
        (p, n) predictors.
    truth
        (q,) parameters.
    residual
        "log" or "linear": of what the noise is normal.
    sd
        Of the noise.
    ahead
        (p,) a further point, beyond the others, that is to be predicted.
    fixed
        Parameters that are known.
    """

    name: str
    law: Law
    x: Floats
    truth: tuple[float, ...]
    residual: str
    sd: float
    ahead: tuple[float, ...]
    fixed: Mapping[str, float] = field(default_factory=dict)

    def sample(self, size: int, rng: np.random.Generator) -> Floats:
        """(n, size) data sets."""
        clean = self.law.value(np.array(self.truth), self.x)[:, None]
        noise = self.sd * rng.standard_normal((clean.shape[0], size))
        return np.asarray(clean * np.exp(noise) if self.residual == "log" else clean + noise)


def designs() -> list[Design]:
    """All of them, by law."""
    budgets = np.array([1e18, 3e18, 6e18, 1e19, 3e19, 6e19, 1e20])
    seven = (budgets / np.exp(np.log(budgets).mean()))[None]
    four_decades = np.geomspace(1e-2, 1e2, 25)[None]
    return [
        Design("a training of 10,000 steps, logged every 100", law("annealing"), schedule(), (2.6, 0.6, 8.0, 0.5),
               "linear", 0.01, (5.0, 0.25)),
        Design("80 runs over size, steps and batch", law("batch_trajectory"), batches(),
               (6.5e13, 0.077, 2.1e3, 0.76, 2.1e8, 0.21), "log", 0.003, (2.5e8, 2e5, 2e6)),
        Design("60 models over 8 decades", law("bnsl"), np.geomspace(1e-4, 1e4, 60)[None],
               (0.5, 2.0, 0.1, 0.3, 1.0, 0.5), "log", 0.005, (1e5,)),
        Design("9 batches", law("critical_batch"), np.geomspace(64, 16384, 9)[None], (2000.0, 3000.0), "log", 0.02,
               (32768,)),
        Design("182 runs of the data-constrained paper", law("data_constrained"), repeated(),
               (1.869, 521.0, 1488.0, 0.353, 0.353, 15.4, 5.3), "log", 0.003, (8.7e9, 9e11, 3e10),
               {"E": 1.869, "A": 521.0, "B": 1488.0, "alpha": 0.353, "beta": 0.353}),
        Design("7 budgets over 2 decades", law("difference"), seven, (0.3, -0.12), "linear", 0.006, (1e2,)),
        Design("35 models of the over-training testbed", law("exponential_error"), testbed_losses(),
               (0.86, 2.28, 0.72), "linear", 0.01, (2.1,)),
        Design("60 checkpoints above chance", law("flp"), np.linspace(2.4, 3.2, 60)[None], (1.6, -0.4),
               "linear", 0.01, (2.2,)),
        Design("7 budgets over 2 decades", law("irreducible"), seven, (3.3, 0.25, 2.0), "log", 0.002, (1e2,)),
        Design("25 models over 4 decades", law("irreducible"), four_decades, (3.3, 0.2, 2.0), "log", 0.005, (1e4,)),
        Design("40 models", law("loss_to_loss"), np.linspace(2.4, 4.2, 40)[None], (0.8, 0.9, 1.0, 1.4), "linear", 0.005,
               (2.2,)),
        Design("120 mixtures of three parts", law("mixture_additive", PARTS), mixtures(),
               (1.6, 0.6, 0.3, 1.2, 0.4, 0.7, 0.3), "linear", 0.01, (0.8, 0.1, 0.1)),
        Design("120 mixtures of three parts", law("mixture_loglinear", PARTS), mixtures(), (1.8, 0.3, -0.6, 0.9),
               "linear", 0.01, (0.8, 0.1, 0.1)),
        Design("24 models, streams 1 to 8", law("parallel_streams"), streams(), (0.69, 22.0, 0.19, 0.39), "log", 0.001,
               (1e10, 8)),
        Design("25 models over 6 decades", law("shifted_power"), np.geomspace(1e-3, 1e3, 25)[None],
               (0.4, 0.3, 0.05, 0.11), "linear", 0.005, (1e4,)),
        Design("35 models of the over-training testbed", law("overtraining"), testbed(), (79.0, 193.0, -0.229, 1.53),
               "linear", 0.02, (6.9e9, 1.38e11)),
        Design("235 runs of Chinchilla's Figure 4", law("parametric"), figure_4(), (1.817, 478.0, 2143.0, 0.347, 0.367),
               "log", 0.007, (7e10, 1.4e12)),
        Design("7 budgets over 2 decades", law("power"), seven, (3.3, 0.06), "log", 0.005, (1e2,)),
        Design("85 models, floor known", law("sigmoid"), np.linspace(0.8, 2.6, 85)[None], (0.25, 0.85, 1.5, 5.0),
               "linear", 0.015, (0.6,), {"floor": 0.25}),
        Design("7 budgets over 2 decades", law("relative"), seven, (1.3, -0.04), "log", 0.005, (1e2,)),
    ]  # fmt: skip


def batches() -> Floats:
    """Parameters, steps and tokens per batch of 80 runs."""
    axes = np.geomspace(1e6, 6.4e7, 4), np.geomspace(2e3, 1e5, 5), np.geomspace(3e4, 1e6, 4)
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])


def repeated() -> Floats:
    """Parameters, tokens and unique tokens of the runs that the data-constrained paper fits."""
    table = read_table(REFERENCE / "data_constrained.csv.gz").to_pylist()
    rows = [row for row in table if row["in_published_fit"]]
    return np.array(
        [[row[name] for row in rows] for name in ("params", "tokens", "unique_tokens")], dtype=float
    )


def mixtures() -> Floats:
    """Shares of three parts."""
    return np.random.default_rng(0).dirichlet([0.7, 1.0, 1.5], 120).T


def streams() -> Floats:
    """Parameters and parallel streams."""
    return np.stack([np.repeat(np.geomspace(5e8, 5e9, 6), 4), np.tile([1.0, 2.0, 4.0, 8.0], 6)])


def schedule() -> Floats:
    """S1 and S2 of a peak learning rate of 3e-4, warm-up over 500 steps, linear decay over the last fifth."""
    steps = np.arange(0, 10_001, 100)
    decay = np.minimum(1, (10_000 - steps) / 2_000)
    return annealing.areas(steps, 3e-4 * np.minimum(steps / 500, 1) * decay)[:, 6:]


def testbed() -> Floats:
    """Parameters and tokens of the models that were trained on RedPajama."""
    table = read_table(REFERENCE / "overtraining_testbed.csv.gz").to_pylist()
    rows = [row for row in table if (row["corpus"], row["group"]) == ("rpj", "c4_val")]
    return np.array([[row[name] for row in rows] for name in ("params", "tokens")], dtype=float)


def testbed_losses() -> Floats:
    """The losses on C4 of these models."""
    table = read_table(REFERENCE / "overtraining_testbed.csv.gz").to_pylist()
    rows = [row for row in table if (row["corpus"], row["group"]) == ("rpj", "c4_val")]
    return np.array([[row["value"] for row in rows]], dtype=float)


def figure_4() -> Floats:
    """Parameters and tokens, D = C / 6N, of all runs but the five of highest loss."""
    table = read_table(REFERENCE / "chinchilla_figure4.csv")
    params, flops, loss = (table[name].to_numpy() for name in ("params", "training_flops", "loss"))
    kept = np.sort(np.argsort(loss)[:-5])
    return np.stack([params, flops / (6 * params)])[:, kept]
