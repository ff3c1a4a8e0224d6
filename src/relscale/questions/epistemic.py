"""How much of a prediction's uncertainty is epistemic? Entropy decomposition over seeds.

    total = H(mean over seeds of p),    aleatoric = mean over seeds of H(p),    epistemic = total − aleatoric

In nats, averaged over items. With M seeds the epistemic part is biased downwards by a factor of about 1 − 1/M; with one
seed it is 0. Fit the law ``power`` to it over tokens or parameters to see how it falls.

It is a question about a table rather than a metric of the measurements, because a measurement belongs to one run and
seed: a fit would treat a value of several seeds as an additional model, correlated with the runs of these seeds.

Source: arXiv 2506.09648; the decomposition is Depeweg et al., arXiv 1710.07283.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from relscale.errors import RelscaleError
from relscale.laws.law import Array
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column


@dataclass(frozen=True, slots=True, kw_only=True)
class EpistemicRow:
    """One row per cell."""

    cell: str = column("Name of the cell.")
    seeds: int = column("Number of seeds.")
    items: int = column("Number of items with all choices and seeds.")
    total_nats: float = column("Entropy of the mean prediction.", "nats")
    aleatoric_nats: float = column("Mean entropy of a seed's prediction.", "nats")
    epistemic_nats: float = column("Their difference: the disagreement of the seeds.", "nats")
    note: str | None = column("Caveats.", default=None)


ROW = EpistemicRow


def rows(
    table: Columns, *, probability: str, item: str, choice: str, seed: str, cell: str = ""
) -> Iterator[EpistemicRow]:
    """Total, aleatoric and epistemic uncertainty of each cell.

    Parameters
    ----------
    probability
        Column of the probability of a choice; choices are scaled to a sum of 1.
    item, choice
        Columns of the item and of its choice.
    seed
        Column of the seed.
    cell
        Column of the cell, whose runs differ only in the seed.

    Raises
    ------
    RelscaleError
        A column is missing or not numeric, a probability is negative, or a choice has two probabilities.
    """
    table = table.without_blanks((probability,), (seed, item, choice, cell))
    p = table.numbers(probability)
    if (p < 0).any():
        raise RelscaleError(f"column {probability!r} contains {p[p < 0][0]:g}, which is not a probability")
    cells, names = table.labels(cell), [table.labels(column) for column in (seed, item, choice)]
    for name in dict.fromkeys(cells):
        selected = cells == name
        indices = [np.unique(labels[selected].astype(str), return_inverse=True) for labels in names]
        if len(set(zip(*(index for _, index in indices), strict=True))) < selected.sum():
            raise RelscaleError(f"{name}: a choice of an item has several probabilities for one seed")
        grid = np.full([len(values) for values, _ in indices], np.nan)
        grid[tuple(index for _, index in indices)] = p[selected]
        total, aleatoric, items = decomposed(grid)
        yield EpistemicRow(
            cell=str(name),
            seeds=grid.shape[0],
            items=items,
            total_nats=total,
            aleatoric_nats=aleatoric,
            epistemic_nats=total - aleatoric,
            note="a single seed has no disagreement" if grid.shape[0] == 1 else None,
        )


def decomposed(p: Array) -> tuple[float, float, int]:
    """Total and aleatoric entropy of probabilities (seeds, items, choices), and the number of complete items.

    Items may differ in their number of choices: a choice without a probability for any seed does not belong to the
    item.

    Raises
    ------
    RelscaleError
        No item has all of its probabilities for every seed.
    """
    absent = np.isnan(p).all(axis=0)
    p = np.where(absent, 0.0, p)
    known = np.isfinite(p).all(axis=(0, 2)) & (np.nansum(p, axis=2) > 0).all(axis=0)
    if not known.any():
        raise RelscaleError("no item has a probability of all its choices for every seed")
    p = p[:, known]
    p = p / p.sum(axis=2, keepdims=True)
    return float(entropy(p.mean(axis=0)).mean()), float(entropy(p).mean()), int(known.sum())


def entropy(p: Array) -> Array:
    """Entropy in nats over the last axis."""
    return np.asarray(-(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=-1))
