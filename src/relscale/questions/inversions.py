"""Is a larger model of a family ever worse? Paired tests of models that are neighbours in size.

    change = mean over items of (score of the larger − score of the smaller),    p of change ≥ 0

Limits are Student's t over paired items, adjusted for few discordant items if scores are binary or tied; p is from
10,000 random sign flips of the paired differences, adjusted over all pairs by Benjamini–Hochberg. The trend over all
sizes is tested by Jonckheere–Terpstra, over the items that all of them have. If an inversion is found, test the next
smaller and larger sizes as well.

Source: the question is that of arXiv 2505.16276, the statistics are relscale's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from relscale.errors import RelscaleError
from relscale.fitting.inference.multiplicity import adjusted
from relscale.laws.law import Array
from relscale.questions.limits import EQUAL_SCORES, joined_notes, mean_with_limits, range_of
from relscale.questions.options import option
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column

FLIPS, PARTS = 10_000, 100  # sign flips, computed in 100 parts to save memory
EQUAL = 1e-12  # of the sum of the differences' sizes; sums that differ by less are equal


@dataclass(frozen=True, slots=True, kw_only=True)
class InversionRow:
    """One row per family and pair of neighbours in size."""

    family: str = column("The family.")
    smaller: float = column("Size of the smaller model.")
    larger: float = column("Size of the larger model.")
    items: int = column("Number of items scored by both models.")
    change: float = column("Mean score of the larger model minus that of the smaller.")
    low: float | None = column("Lower limit of its 95% interval over paired items.")
    high: float | None = column("Upper limit of its 95% interval.")
    p_value: float = column("p-value of the larger model being no worse.")
    p_bh: float = column("p-value adjusted over all pairs of the table.")
    inversion: bool = column("Whether the larger model is worse: p_bh below 5%.")
    trend_p: float | None = column(
        "p-value of no rise over the sizes of the family, if it has at least three.", default=None
    )
    trend_items: int = column("Number of items scored by all sizes of the family, those of the trend.")
    note: str | None = column(
        "Why there are no limits or no trend, or a trend over few of the items.", default=None
    )


ROW = InversionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOptions:
    """The columns of items' scores by models of several sizes."""

    score: str = option("Column of an item's score; higher is better.")
    item: str = option("Column of the item.")
    size: str = option("Column of the model's size.")
    family: str = option("Column of the model family.", "")


def rows(table: Columns, *, scores: ScoreOptions, seed: int = 0) -> Iterator[InversionRow]:
    """The change of the score between neighbours in size.

    Parameters
    ----------
    scores
        The columns of items' scores.
    seed
        Seed of the sign flips.

    Raises
    ------
    RelscaleError
        A column is missing or not numeric, or a model has two scores for an item.
    """
    rng, pairs = np.random.default_rng(seed), []
    for name, sizes, of_family in families(table, scores):
        trend, score_range = _trend(of_family), range_of(of_family)
        for i in range(len(sizes) - 1):
            change = of_family[i + 1] - of_family[i]
            change = change[np.isfinite(change)]
            if len(change) > 1:
                pairs.append(
                    (name, sizes[i], sizes[i + 1], change, p_of_flips(change, rng), trend, score_range)
                )
    p_adjusted, _ = adjusted([pair[4] for pair in pairs], [()] * len(pairs))
    for (name, smaller, larger, change, p, trend, score_range), p_bh in zip(pairs, p_adjusted, strict=True):
        mean, low, high = mean_with_limits(change, score_range)
        yield InversionRow(
            family=name,
            smaller=float(smaller),
            larger=float(larger),
            items=len(change),
            change=mean,
            low=low,
            high=high,
            p_value=p,
            p_bh=float(p_bh),
            inversion=bool(p_bh < 0.05),
            trend_p=trend.p,
            trend_items=trend.items,
            note=joined_notes(EQUAL_SCORES if low is None else "", trend.note),
        )


def families(table: Columns, scores: ScoreOptions) -> Iterator[tuple[str, Array, Array]]:
    """Each family's sizes (m,), ascending, and its scores (m, items), nan for missing scores.

    Raises
    ------
    RelscaleError
        A model has two scores for an item, or there is only one size.
    """
    table = table.without_blanks((scores.score, scores.size), (scores.item, scores.family))
    values, sizes = table.numbers(scores.score), table.numbers(scores.size)
    items, names = table.labels(scores.item), table.labels(scores.family)
    for name in dict.fromkeys(names):
        selected = (names == name) & np.isfinite(sizes)
        at, row = np.unique(sizes[selected], return_inverse=True)
        distinct, place = np.unique(items[selected].astype(str), return_inverse=True)
        if len(set(zip(row, place, strict=True))) < selected.sum():
            raise RelscaleError(f"{name}: a size has several scores for an item; select rows with --where")
        if len(at) < 2:
            raise RelscaleError(f"{name}: one size; at least two are needed")
        matrix = np.full((len(at), len(distinct)), np.nan)
        matrix[row, place] = values[selected]
        yield str(name), at, matrix


class Trend(NamedTuple):
    """The p-value of a rise over sizes, the number of items that all sizes have, and what is missing."""

    p: float | None
    items: int
    note: str


def _trend(scores: Array) -> Trend:
    shared = np.isfinite(scores).all(axis=0)
    items, total = int(shared.sum()), scores.shape[1]
    p = jonckheere_p(scores[:, shared])
    if len(scores) < 3:
        return Trend(p, items, "")
    if p is None and items > 1:
        return Trend(p, items, f"no trend: all scores of the {items} items that all sizes have are equal")
    note = f"{items} of {total} items, those that all sizes have"
    return Trend(
        p, items, "" if items == total else f"no trend: {note}" if p is None else f"trend over {note}"
    )


def p_of_flips(change: Array, rng: np.random.Generator) -> float:
    """p-value: share of sign flips of the items' differences with a mean at least as far below 0."""
    flipped = np.concatenate(
        [
            (2.0 * rng.integers(0, 2, (FLIPS // PARTS, len(change)), np.int8) - 1) @ change
            for _ in range(PARTS)
        ]
    )
    as_low = flipped <= change.sum() + EQUAL * np.abs(change).sum()
    return float((1 + as_low.sum()) / (1 + FLIPS))


def jonckheere_p(scores: Array) -> float | None:
    """p-value of the Jonckheere–Terpstra test for a rise over the rows of ``scores``: normal approximation with
    ties."""
    from scipy.special import ndtr

    groups = [row[np.isfinite(row)] for row in scores]
    if len(groups) < 3 or min(map(len, groups)) < 2:
        return None
    pairs = [(a, b) for i, a in enumerate(groups) for b in groups[i + 1 :]]
    j = sum(_pairs_that_rise(a, b) for a, b in pairs)
    n = np.array([len(group) for group in groups], dtype=float)
    t = np.unique(np.concatenate(groups), return_counts=True)[1].astype(float)
    total = n.sum()

    def a(k: Array) -> float:
        return float((k * (k - 1) * (2 * k + 5)).sum())

    def b(k: Array) -> float:
        return float((k * (k - 1) * (k - 2)).sum())

    def c(k: Array) -> float:
        return float((k * (k - 1)).sum())

    initial = np.array([total])
    variance = (
        (a(initial) - a(n) - a(t)) / 72
        + b(n) * b(t) / (36 * total * (total - 1) * (total - 2))
        + c(n) * c(t) / (8 * total * (total - 1))
    )
    if not variance > 0:
        return None
    return float(ndtr(-(j - (total**2 - (n**2).sum()) / 4) / np.sqrt(variance)))


def _pairs_that_rise(a: Array, b: Array) -> float:
    """Number of pairs of values of ``a`` and ``b`` with a smaller value in ``a``; ties count half."""
    ordered = np.sort(a)
    return float((np.searchsorted(ordered, b, "left") + np.searchsorted(ordered, b, "right")).sum() / 2)
