"""Coverage of the limits of questions of any table: plateau, inversions, multiplier, coupling."""

from collections.abc import Iterable

import numpy as np
from trials.outcome import Floats, Outcome, covered

from relscale.questions import multiplier
from relscale.questions.coupling import sign_change_size
from relscale.questions.limits import mean_with_limits, range_of
from relscale.storage.column_arrays import Columns

ITEMS = (20, 100, 1000)
MODELS = (8, 20, 60)
FLIP = (0.25, 0.02)  # how often a better model has an item right that a worse one has wrong, and the reverse
EXPONENT, FLOOR, NOISE, TIMES = 0.3, 2.0, 0.002, 2.5  # of the loss without a mixture, and the true multiplier


def of_questions(size: int, level: float, seed: int) -> list[Outcome]:
    """Coverage of all of them; the multiplier, whose limits are drawn, on a twentieth of the data sets."""
    rng = np.random.default_rng([seed, 91])
    return [*_means(size, level, rng), *_multipliers(size // 20, level, rng), *_couplings(size, level, rng)]


def _means(size: int, level: float, rng: np.random.Generator) -> Iterable[Outcome]:
    """Mean gains of paired items: right or wrong answers, or unbounded scores."""
    for items in ITEMS:
        for name, up in (("a gain of 0.23", FLIP[0]), ("no gain", FLIP[1])):
            right = rng.random((size, items))
            change = (right < up).astype(float) - (right > 1 - FLIP[1])
            yield _outcome(
                f"{items} items, right or wrong",
                f"{name}, plateau and inversions",
                "mean gain",
                level,
                (mean_with_limits(each, range_of(np.array([0.0, 1.0]))) for each in change),
                up - FLIP[1],
            )
        change = 0.1 + rng.standard_exponential((size, items)) - 1
        limits = (mean_with_limits(each) for each in change)
        yield _outcome(
            f"{items} items, skewed scores", "plateau and inversions", "mean gain", level, limits, 0.1
        )


def _multipliers(size: int, level: float, rng: np.random.Generator) -> Iterable[Outcome]:
    amounts = np.geomspace(1e7, 1e9, 7)
    unique = np.append(amounts, 1e8)
    clean = FLOOR + (np.append(amounts, TIMES * 1e8) / 1e7) ** -EXPONENT
    limits = []
    for _ in range(size):
        loss = clean * np.exp(NOISE * rng.standard_normal(len(clean)))
        columns = Columns({"unique": unique, "loss": loss, "share": np.append(np.zeros(7), 0.5)})
        try:
            (row,) = multiplier.rows(columns, unique="unique", y="loss", share="share", noise=NOISE)
        except ValueError:
            continue
        limits.append((0.0, row.low, row.high))
    yield _outcome(
        "L = E + U^−0.3, 0.2% noise", "7 amounts over 2 decades", "multiplier", level, limits, TIMES
    )


def _couplings(size: int, level: float, rng: np.random.Generator) -> Iterable[Outcome]:
    for models in MODELS:
        log_size = np.linspace(np.log(1e8), np.log(7e10), models)
        limits = []
        for _ in range(size):
            x = rng.standard_normal(models) + 0.3 * (log_size - log_size.mean())
            y = 0.4 * (log_size - np.log(3e9)) * (x - x.mean()) + 0.3 * rng.standard_normal(models)
            limits.append(sign_change_size(x, y, np.exp(log_size)))
        design = f"{models} models over 3 decades"
        yield _outcome("y changes its slope on x at 3e9", design, "size of the change", level, limits, 3e9)


def _outcome(
    generator: str,
    design: str,
    quantity: str,
    level: float,
    limits: Iterable[tuple[object, ...]],
    truth: float,
) -> Outcome:
    """The outcome of limits; None is unbounded."""
    ends: Floats = np.array(
        [[-np.inf if low is None else low, np.inf if high is None else high] for _, low, high in limits]
    ).astype(float)
    hit = covered(ends[:, 0], ends[:, 1], truth)
    return Outcome(generator, design, quantity, "of the question", True, level, hit)
