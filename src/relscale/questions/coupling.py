"""Do two scores go together, and does that change with size? Their correlation over models, below and above a size.

    r = corr(x, y) over models;    y = q_0 + (q_1 + q_2 · ln N)(x − x̄) + q_3 · ln N,    N_c = exp(−q_1 / q_2)

N_c is the size at which a change of x no longer changes y. p is that of exchanges of the models: of all of them for up
to eight models, else of 10,000 at random. Limits of N_c are of resampled models. Recipes change with size, so families
are shown beside all models.

Source: the claim of arXiv 2605.18838, whose own definition is not known; this one is relscale's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from relscale.column_arrays import Columns
from relscale.errors import RelscaleError
from relscale.laws.law import Array
from relscale.rows import column

MOST_EXACT = 8
EXCHANGES, RESAMPLES = 10_000, 1000
FEWEST = 3  # models of a correlation


@dataclass(frozen=True, slots=True, kw_only=True)
class CouplingRow:
    """One row for all models, for those below and above the size, and for each family."""

    models: str = column("Which models.")
    n: int = column("Number of them.")
    r: float | None = column("Pearson's correlation of the two scores.", default=None)
    p_value: float | None = column(
        "Share of permutations of the models with a correlation as far from 0.", default=None
    )
    size: float | None = column("N_c, where the correlation changes its sign.", default=None)
    low: float | None = column("Lower limit of its 95% interval.", default=None)
    high: float | None = column("Upper limit of its 95% interval.", default=None)
    note: str | None = column("Caveats of the numbers.", default=None)


ROW = CouplingRow


def rows(
    table: Columns, *, x: str, y: str, size: str, split: float = 0.0, family: str = "", seed: int = 0
) -> Iterator[CouplingRow]:
    """The correlation of two scores over models.

    Parameters
    ----------
    x, y
        Column of a score; the two are exchangeable but for N_c.
    size
        Column of the models' size, in any unit.
    split
        A size; models below and from it on are shown apart.
    family
        Column of the models' family.
    seed
        Of exchanges and resamples.

    Raises
    ------
    RelscaleError
        A column is missing or no number, or fewer than three models have both scores.
    """
    first, second, sizes = table.numbers(x), table.numbers(y), table.numbers(size)
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < FEWEST:
        raise RelscaleError(f"{known.sum()} models have both {x} and {y}; a correlation needs three")
    rng = np.random.default_rng(seed)
    sized = known & (sizes > 0)
    n_c, low, high = changing_size(first[sized], second[sized], sizes[sized], rng)
    inside = sized.any() and sizes[sized].min() <= n_c <= sizes[sized].max()
    note = None if inside or not np.isfinite(n_c) else "beyond the sizes of the table"
    each = {"all": known}
    if split > 0:
        each |= {
            f"{size} below {split:g}": known & (sizes < split),
            f"{size} from {split:g}": known & (sizes >= split),
        }
    if family:
        labels = table.labels(family)
        each |= {str(name): known & (labels == name) for name in dict.fromkeys(labels)}
    for name, which in each.items():
        r = correlation(first[which], second[which])
        of_all = name == "all" and np.isfinite(n_c)
        yield CouplingRow(
            models=name,
            n=int(which.sum()),
            r=r,
            p_value=None if r is None else p_of_exchanges(first[which], second[which], rng),
            size=n_c if of_all else None,
            low=low if of_all else None,
            high=high if of_all else None,
            note=note
            if of_all
            else None
            if r is not None
            else "too few models"
            if which.sum() < FEWEST
            else "a score that does not vary",
        )


def correlation(x: Array, y: Array) -> float | None:
    """Pearson's r; None of fewer than three models, or where a score does not vary."""
    if len(x) < FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def p_of_exchanges(x: Array, y: Array, rng: np.random.Generator) -> float:
    """Share of orders of the models in which the correlation is at least as far from 0."""
    x, y = x - x.mean(), y - y.mean()
    least = abs(x @ y) * (1 - 1e-12)
    if len(x) <= MOST_EXACT:
        return float(np.mean(np.abs(x[np.array(list(permutations(range(len(x)))))] @ y) >= least))
    found = sum(bool(abs(rng.permutation(x) @ y) >= least) for _ in range(EXCHANGES))
    return (1 + found) / (1 + EXCHANGES)


def changing_size(x: Array, y: Array, size: Array, rng: np.random.Generator) -> tuple[float, float, float]:
    """N_c by the interaction with ln size, and limits of resampled models; nan where there are too few."""
    if len(x) < 5 or any(np.ptp(each) == 0 for each in (x, y, size)):
        return (np.nan,) * 3

    def of(which: NDArray[np.int64]) -> float:
        own, z = x[which] - x[which].mean(), np.log(size[which])
        design = np.stack([np.ones_like(own), own, z * own, z], axis=1)
        q = np.linalg.lstsq(design, y[which], rcond=None)[0]
        return float(np.exp(np.clip(-q[1] / q[2], -300, 300))) if q[2] != 0 else np.nan

    drawn = [of(rng.integers(0, len(x), len(x))) for _ in range(RESAMPLES)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return of(np.arange(len(x))), float(low), float(high)
