"""Are two scores correlated, and does the correlation change with model size?

    r = corr(x, y) over models;    y = q_0 + (q_1 + q_2 · ln N)(x − x̄) + q_3 · ln N,    N_c = exp(−q_1 / q_2)

N_c is the size at which a change of x no longer changes y. p is from a permutation test over models: all permutations
for up to eight models, else 10,000 at random. The limits of N_c are Fieller's: all sizes at which the t interval of
q_1 + q_2 · ln N contains 0, for independent residuals of equal variance; there are none if q_2 may be 0. Recipes change
with size, so families are also shown separately.

Checkpoints of one training run are not independent models. Where rows are such checkpoints, r is that of all of them,
and there are neither p nor limits of N_c.

Source: the claim of arXiv 2605.18838; the definition is relscale's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError
from relscale.laws.law import Array
from relscale.questions.limits import MAX_LOG, zero_of_line
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

MOST_EXACT = 8
EXCHANGES = 10_000
EQUAL = 1e-12  # correlations that differ by less are equal
MIN_MODELS_OF_SIZE = 5  # minimum number of models for N_c
MIN_MODELS = 3  # minimum number of models for a correlation
CHECKPOINTS = "without p and limits: checkpoints of one training run are not independent"


@dataclass(frozen=True, slots=True, kw_only=True)
class CouplingRow:
    """One row for all models, for those below and above the split, and per family."""

    models: str = column("Which models.")
    n: int = column("Number of models, or of training runs if several rows are checkpoints of one.")
    checkpoints: int | None = column("Number of checkpoints of these training runs.", default=None)
    r: float | None = column("Pearson's correlation of the two scores.", default=None)
    p_value: float | None = column(
        "Share of permutations of the models with a correlation as far from 0.", default=None
    )
    size: float | None = column("N_c, the size at which the correlation changes sign.", default=None)
    low: float | None = column("Lower limit of its 95% interval.", default=None)
    high: float | None = column("Upper limit of its 95% interval.", default=None)
    note: str | None = column("Caveats.", default=None)


ROW = CouplingRow


def rows(
    table: Columns,
    *,
    x: str,
    y: str,
    size: str,
    split: float = 0.0,
    family: str = "",
    model: str = "",
    block: str = "",
    seed: int = 0,
) -> Iterator[CouplingRow]:
    """The correlation of two scores over models.

    Parameters
    ----------
    x, y
        Columns of the two scores; symmetric except for N_c.
    size
        Column of the models' size, in any unit.
    split
        A size; models below it and at or above it are shown separately.
    family
        Column of the models' family.
    model
        Column of the model; several rows of one, such as its checkpoints, are not models and are refused.
    block
        Column of the training run of checkpoints; by default block, if there is one.
    seed
        Seed of the permutations.

    Raises
    ------
    RelscaleError
        A column is missing or not numeric, a model has several rows, or fewer than three models have both scores.
    """
    first, second, sizes = table.numbers(x), table.numbers(y), table.numbers(size)
    known = np.isfinite(first) & np.isfinite(second)
    training = _trainings(table, block)
    trainings = len(np.unique(training[known]))
    if trainings < MIN_MODELS:
        kind = "models" if trainings == known.sum() else "training runs"
        raise RelscaleError(f"{trainings} {kind} have both {x} and {y}; a correlation needs three")
    if model:
        names, count = np.unique(table.where(known).labels(model).astype(str), return_counts=True)
        if count.max() > 1:
            raise RelscaleError(
                f"column {model!r}: {str(names[count.argmax()])!r} has {count.max()} rows, which are not independent "
                "models; select one of each with --where"
            )
    rng = np.random.default_rng(seed)
    sized = known & (sizes > 0)
    n_c, low, high = np.nan, None, None
    if len(np.unique(training[sized])) >= MIN_MODELS_OF_SIZE:
        n_c, low, high = sign_change_size(first[sized], second[sized], sizes[sized])
    inside = sized.any() and sizes[sized].min() <= n_c <= sizes[sized].max()
    notes = [] if inside else ["outside the sizes in the table"]
    if len(np.unique(training[sized])) < sized.sum():
        low, high = None, None
    elif low is None:
        notes.append("without limits: the slope may not change with size")
    subsets = {"all": known}
    if split > 0:
        subsets |= {
            f"{size} below {split:g}": known & (sizes < split),
            f"{size} from {split:g}": known & (sizes >= split),
        }
    if family:
        labels, named = table.labels(family, may_be_empty=True), table.filled(family)
        subsets |= {str(name): known & (labels == name) for name in dict.fromkeys(labels[named])}
    for name, which in subsets.items():
        n, points = len(np.unique(training[which])), int(which.sum())
        r = correlation(first[which], second[which]) if n >= MIN_MODELS else None
        of_all = name == "all" and np.isfinite(n_c)
        remarks = [*notes] if of_all else []
        if r is None:
            remarks.append("too few models" if n < MIN_MODELS else "a score is constant")
        elif n < points:
            remarks.append(CHECKPOINTS)
        yield CouplingRow(
            models=name,
            n=n,
            checkpoints=points if n < points else None,
            r=r,
            p_value=None if r is None or n < points else permutation_p(first[which], second[which], rng),
            size=n_c if of_all else None,
            low=low if of_all else None,
            high=high if of_all else None,
            note="; ".join(remarks) or None,
        )


def _trainings(table: Columns, block: str) -> NDArray[np.int64]:
    """The number of each row's training run; a row without one, and every row without a column, is its own."""
    block = block or ("block" if "block" in table.of else "")
    rows = np.arange(len(table))
    if not block:
        return rows
    filled, labels = table.filled(block), table.labels(block, may_be_empty=True)
    numbers = np.unique(labels.astype(str), return_inverse=True)[1]
    return np.asarray(np.where(filled, numbers, len(table) + rows), dtype=np.int64)


def correlation(x: Array, y: Array) -> float | None:
    """Pearson's r; None for fewer than three models or a constant score."""
    if len(x) < MIN_MODELS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def permutation_p(x: Array, y: Array, rng: np.random.Generator) -> float:
    """p-value: share of permutations of the models with a correlation at least as far from 0."""
    x, y = x - x.mean(), y - y.mean()
    least = abs(x @ y) - EQUAL * np.linalg.norm(x) * np.linalg.norm(y)
    if len(x) <= MOST_EXACT:
        return float(np.mean(np.abs(x[np.array(list(permutations(range(len(x)))))] @ y) >= least))
    count = sum(bool(abs(rng.permutation(x) @ y) >= least) for _ in range(EXCHANGES))
    return (1 + count) / (1 + EXCHANGES)


def sign_change_size(x: Array, y: Array, size: Array) -> tuple[float, float | None, float | None]:
    """N_c by the interaction with ln size, and its limits; nan for too few models, limits None if unbounded."""
    if len(x) < MIN_MODELS_OF_SIZE or any(np.ptp(number) == 0 for number in (x, y, size)):
        return np.nan, None, None
    centre = float(np.log(size).mean())
    deviation, z = x - x.mean(), np.log(size) - centre
    design = np.stack([np.ones_like(deviation), deviation, z * deviation, z], axis=1)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return np.nan, None, None
    gram, df = np.linalg.inv(design.T @ design), len(x) - design.shape[1]
    q = gram @ (design.T @ y)
    variance = float(np.sum((y - design @ q) ** 2)) / df
    root = zero_of_line(float(q[1]), float(q[2]), gram[1:3, 1:3] * variance, df)
    n_c, low, high = (
        None if number is None else float(np.exp(np.clip(number + centre, -MAX_LOG, MAX_LOG)))
        for number in root
    )
    return (np.nan if n_c is None else n_c), low, high
