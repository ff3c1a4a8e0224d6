"""Data that follow a law: for every law a realistic design, true parameters, and independent normal noise.

    ln y_i = ln f(θ, x_i) + sd · e_i    or    y_i = f(θ, x_i) + sd · e_i

Noise is 0.2% to 2%: as much as repeated runs differ by, or as is left where a law fits a published table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relscale.laws import rate_changes
from relscale.laws.annealing_areas import areas
from relscale.laws.catalogue import law
from relscale.laws.law import Law
from relscale.storage.tables import read_table

Floats = NDArray[np.float64]

PARTS = ("share_web", "share_code", "share_books")
REFERENCE = Path(__file__).parents[2] / "reference"


@dataclass(frozen=True)
class Design:
    """A law, the points at which it is measured, and its true parameters.

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
    """All designs, in the order of the laws."""
    budgets = np.array([1e18, 3e18, 6e18, 1e19, 3e19, 6e19, 1e20])
    seven = (budgets / np.exp(np.log(budgets).mean()))[None]
    four_decades = np.geomspace(1e-2, 1e2, 25)[None]
    return [
        Design("a training of 10,000 steps, logged every 100", law("annealing"), schedule(), (2.6, 0.6, 8.0, 0.5),
               "linear", 0.01, (5.0, 0.25)),
        Design("25 shapes", law("architecture"), shapes(), (0.05, 0.004, 0.9, 0.03, 0.05), "log", 0.002,
               (0.25, 10, 2.5)),
        Design("80 runs over size, steps and batch", law("batch_trajectory"), batches(),
               (6.5e13, 0.077, 2.1e3, 0.76, 2.1e8, 0.21), "log", 0.003, (2.5e8, 2e5, 2e6)),
        Design("60 models over 8 decades", law("bnsl"), np.geomspace(1e-4, 1e4, 60)[None],
               (0.5, 2.0, 0.1, 0.3, 1.0, 0.5), "log", 0.005, (1e5,)),
        Design("48 optima", law("combined", ("params", "tokens")), crossed(SIZES, np.geomspace(1e9, 3e11, 6)),
               (1.79, -0.713, 0.307), "log", 0.02, (1e11, 1e12)),
        Design("9 batches", law("critical_batch"), np.geomspace(64, 16384, 9)[None], (2000.0, 3000.0), "log", 0.02,
               (32768,)),
        Design("182 runs of the data-constrained paper", law("data_constrained"), repeated(),
               (1.869, 521.0, 1488.0, 0.353, 0.353, 15.4, 5.3), "log", 0.003, (8.7e9, 9e11, 3e10),
               {"E": 1.869, "A": 521.0, "B": 1488.0, "alpha": 0.353, "beta": 0.353}),
        Design("45 runs, datastores from none to 10¹² tokens", law("datastore"), datastores(),
               (1.6, 400.0, 1500.0, 0.05, 0.34, 0.35, 3e9), "log", 0.001, (2e10, 2e12, 3e12)),
        Design("7 budgets over 2 decades", law("difference"), seven, (0.3, -0.12), "linear", 0.006, (1e2,)),
        Design("25 encoders and decoders", law("encoder_decoder"),
               crossed(np.geomspace(1e7, 1e9, 5), np.geomspace(1e7, 1e9, 5)), (200.0, 0.15, 0.2, 1.2), "linear", 0.003,
               (3e9, 3e9)),
        Design("42 models, 1 to 64 experts", law("experts"),
               crossed(np.geomspace(1.5e7, 1.3e9, 6), 2.0 ** np.arange(7)),
               (0.3, -0.12, -0.09, 0.008, 1.2), "log", 0.001, (3e9, 128)),
        Design("35 models of the over-training testbed", law("exponential_error"), testbed_losses(),
               (0.86, 2.28, 0.72), "linear", 0.01, (2.1,)),
        Design("24 points of two pools, to 12 epochs", law("filtering"), pools(), (0.025, -0.16, 6.7, 0.1), "log",
               0.002, (3e8, 5e7)),
        Design("60 checkpoints above chance", law("flp"), np.linspace(2.4, 3.2, 60)[None], (1.6, -0.4),
               "linear", 0.01, (2.2,)),
        Design("60 runs of three sources", law("flp_m", ("flops_a", "flops_b", "flops_c")), spent(),
               (1.2, 0.6, 0.3, 0.2, 0.25, 0.3, 0.2), "log", 0.003, (1e21, 1e21, 1e21)),
        Design("120 mixtures of three buckets", law("information", BUCKETS), buckets(), (40.0, 0.1, 0.9, 0.14, 0.1),
               "log", 0.002, (1e10, 1e12, 0.5, 0.3, 0.2, 1e9, 4e9, 2e10)),
        Design("7 budgets over 2 decades", law("irreducible"), seven, (3.3, 0.25, 2.0), "log", 0.002, (1e2,)),
        Design("25 models over 4 decades", law("irreducible"), four_decades, (3.3, 0.2, 2.0), "log", 0.005, (1e4,)),
        Design("20 numbers of tokens over 4 decades", law("log_law"), np.geomspace(1e8, 1e12, 20)[None],
               (8.0, 1e6, 0.8), "linear", 0.2, (1e13,)),
        Design("40 models", law("loss_to_loss"), np.linspace(2.4, 4.2, 40)[None], (0.8, 0.9, 1.0, 1.4), "linear", 0.005,
               (2.2,)),
        Design("120 mixtures of three parts", law("mixture_additive", PARTS), mixtures(),
               (1.6, 0.6, 0.3, 1.2, 0.4, 0.7, 0.3), "linear", 0.01, (0.8, 0.1, 0.1)),
        Design("120 mixtures of three parts", law("mixture_loglinear", PARTS), mixtures(), (1.8, 0.3, -0.6, 0.9),
               "linear", 0.01, (0.8, 0.1, 0.1)),
        Design("128 runs of two languages", law("multilingual", ("params", "tokens", "share_a", "share_b")),
               languages(), (15.0, 300.0, 0.3, 0.2, 0.2, 0.25, 0.3, 0.35, 0.8), "log", 0.002, (3e10, 1e13, 0.5, 0.5)),
        Design("three trainings, logged every 500 steps", law("multi_power"), changing_rates(),
               (2.8, 0.6, 430.0, 0.45, 2.1, 0.6, 0.65), "log", 0.0003, tuple(changing_rates()[:, -1])),
        Design("24 models, streams 1 to 8", law("parallel_streams"), streams(), (0.69, 22.0, 0.19, 0.39), "log", 0.001,
               (1e10, 8)),
        Design("25 models over 6 decades", law("shifted_power"), np.geomspace(1e-3, 1e3, 25)[None],
               (0.4, 0.3, 0.05, 0.11), "linear", 0.005, (1e4,)),
        Design("35 models of the over-training testbed", law("overtraining"), testbed(), (79.0, 193.0, -0.229, 1.53),
               "linear", 0.02, (6.9e9, 1.38e11)),
        Design("235 runs of Chinchilla's Figure 4", law("parametric"), figure_4(), (1.817, 478.0, 2143.0, 0.347, 0.367),
               "log", 0.007, (7e10, 1.4e12)),
        Design("12 batches", law("peak_learning_rate"), np.geomspace(3e4, 1e7, 12)[None], (2e-3, 1e6, 0.7), "log", 0.03,
               (3e7,)),
        Design("7 budgets over 2 decades", law("power"), seven, (3.3, 0.06), "log", 0.005, (1e2,)),
        Design("240 runs around the best rate and batch", law("rate_and_batch"), rates_and_batches(),
               (1.6, 0.5, 0.01, -0.01, 0.05, 0.01, 0.03, 0.35, 0.35, 0.8, 1.0, 0.6, 0.25, 0.5), "log", 0.001,
               (6e-4, 500, 4e9, 2e11)),
        Design("14 numbers of examples", law("rectified"), np.geomspace(2e2, 1e6, 14)[None],
               (1.2, 60.0, 30.0, 0.5), "log", 0.003, (5e6,)),
        Design("7 sizes, 8 amounts of compute", law("rl_posttraining"), crossed(SIZES, np.geomspace(1e18, 1e21, 8)),
               (-0.3, -0.2, -0.01, 0.12, 7e9), "log", 0.01, (1.5e11, 1e21)),
        Design("85 models, floor known", law("sigmoid"), np.linspace(0.8, 2.6, 85)[None], (0.25, 0.85, 1.5, 5.0),
               "linear", 0.015, (0.6,), {"floor": 0.25}),
        Design("15 models over 4 decades", law("task_scaling"), np.geomspace(1e-2, 1e2, 15)[None], (0.6, 0.3), "linear",
               0.01, (1e3,)),
        Design("80 models, 5 vocabularies", law("vocabulary"),
               crossed(np.geomspace(3e7, 3e9, 4), np.geomspace(4e3, 9e4, 5), np.geomspace(1e9, 1e11, 4)),
               (-5.6, 20.0, 1.5, 500.0, 0.25, 0.3, 0.35), "linear", 0.005, (1e10, 2e5, 1e12)),
        Design("7 budgets over 2 decades", law("relative"), seven, (1.3, -0.04), "log", 0.005, (1e2,)),
    ]  # fmt: skip


BUCKETS = ("params", "tokens", *(f"{kind}_{d}" for kind in ("share", "unique") for d in "012"))
SIZES = np.array([5e8, 1.5e9, 3e9, 7e9, 14e9, 32e9, 72e9])


def crossed(*axes: ArrayLike) -> Floats:
    """Every combination of values."""
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])


def spent() -> Floats:
    """FLOPs on three sources in 60 runs."""
    rng = np.random.default_rng(6)
    return np.asarray(rng.permutation(np.geomspace(1e17, 1e21, 60)) * rng.dirichlet([1.0, 1.0, 1.0], 60).T)


def buckets() -> Floats:
    """Parameters, tokens, shares of three buckets and the tokens of each, in 120 runs."""
    rng, rows = np.random.default_rng(5), 120
    size, tokens = rng.permutation(np.geomspace(1e8, 3e9, rows)), np.geomspace(1e9, 2e11, rows)
    unique = np.array([[1e9], [4e9], [2e10]]) * rng.choice([0.5, 1.0], (1, rows))
    return np.vstack([size, tokens, rng.dirichlet([1.0, 1.0, 1.0], rows).T, unique])


def languages() -> Floats:
    """Parameters, tokens and shares of two languages in 128 runs."""
    sizes = crossed(np.geomspace(1e8, 1e10, 4), np.geomspace(1e9, 1e12, 4), np.arange(8))[:2]
    return np.vstack([sizes, np.random.default_rng(7).dirichlet([0.5, 0.5], 128).T])


def shapes() -> Floats:
    """Width and MLP ratios of 25 models, and the loss of the best shape of their size."""
    return np.vstack(
        [crossed(np.geomspace(0.02, 0.2, 5), np.geomspace(0.5, 8, 5)), np.linspace(3.2, 2.6, 25)]
    )


def datastores() -> Floats:
    """Parameters, tokens and datastore tokens of 45 runs."""
    stores = np.array([0, 1e9, 1e10, 1e11, 1e12])
    return crossed(np.geomspace(1e8, 1e10, 3), np.geomspace(1e10, 1e12, 3), stores)


def pools() -> Floats:
    """Samples seen of a small and a large pool."""
    return np.stack([np.tile(np.geomspace(4e6, 1.6e8, 12), 2), np.repeat([1.28e7, 5e7], 12)])


def rates_and_batches() -> Floats:
    """Learning rate and batch around their best values, at 5 sizes and 4 numbers of tokens."""
    params, tokens, rate, batch = crossed(
        np.geomspace(1e8, 2e9, 5),
        np.geomspace(3e9, 1e11, 4),
        np.array([0.5, 0.8, 1.3, 2]),
        np.array([0.5, 1, 2]),
    )
    best = 1.5e-3 * (params / 4e8) ** -0.6 * (tokens / 3e10) ** 0.25, 256 * (tokens / 3e10) ** 0.5
    return np.stack([rate * best[0], batch * best[1], params, tokens])


def changing_rates() -> Floats:
    """Predictors of the multi-power law, for a cosine, a linear and a two-stage schedule after warm-up."""
    steps = np.arange(0, 20_001, 500)
    warm_up, progress = np.minimum(steps / 500, 1), np.clip((steps - 500) / 19_500, 0, 1)
    cosine = 0.1 + 0.45 * (1 + np.cos(np.pi * progress))
    linear, stages = np.minimum(1, (1 - progress) / 0.3), np.where(progress < 0.5, 1, 0.3)
    made = [
        rate_changes.changes(np.stack([steps, 3e-4 * s * warm_up]))[:, 1:] for s in (cosine, linear, stages)
    ]
    return np.concatenate(made, axis=1)


def batches() -> Floats:
    """Parameters, steps and tokens per batch of 80 runs."""
    return crossed(np.geomspace(1e6, 6.4e7, 4), np.geomspace(2e3, 1e5, 5), np.geomspace(3e4, 1e6, 4))


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
    return areas(steps, 3e-4 * np.minimum(steps / 500, 1) * decay)[:, 6:]


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
    """Parameters and tokens, D = C / 6N, of all runs except the five with the highest loss."""
    table = read_table(REFERENCE / "chinchilla_figure4.csv")
    params, flops, loss = (table[name].to_numpy() for name in ("params", "training_flops", "loss"))
    kept = np.sort(np.argsort(loss)[:-5])
    return np.stack([params, flops / (6 * params)])[:, kept]
