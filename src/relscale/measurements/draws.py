"""Bootstrap draws of items, keyed by document or by its cluster.

A document is drawn equally often for every model, group and variety that contains it, which pairs them. A document's
draws depend on its id and the seed alone, so added or removed items do not change the draws of others. Counts
are Poisson with mean 1, the limit of multinomial resampling for many items.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

_POISSON_CDF = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(20)])


def draws(doc_ids: Sequence[str], count: int, seed: int) -> np.ndarray:
    """Number of times that each document is in each of ``count`` draws, ``float64[documents, count]``.

    The first draws do not depend on ``count``.
    """
    weights = np.empty((len(doc_ids), count))
    for row, doc_id in enumerate(doc_ids):
        key = hashlib.blake2b(f"{seed} {doc_id}".encode(), digest_size=16).digest()
        # Raw bits of a counter-based generator, which numpy does not change between versions.
        bits = np.random.Philox(key=int.from_bytes(key, "little")).random_raw(count)
        weights[row] = np.searchsorted(_POISSON_CDF, (bits >> np.uint64(11)) * 2.0**-53, side="right")
    return weights


@dataclass(frozen=True)
class Draws:
    """The draws of an experiment, cached by document.

    Attributes
    ----------
    count
        Number of draws.
    seed
        Seed of the random numbers.
    units
        Resampled unit of each document, such as its cluster; by default the document itself.
    """

    count: int
    seed: int
    units: Mapping[str, str] = field(default_factory=dict, repr=False)
    _cache: dict[tuple[int, tuple[str, ...]], np.ndarray] = field(default_factory=dict, repr=False)

    def by(self, units: Mapping[str, str]) -> "Draws":
        """The same draws, with these units in place of documents."""
        return replace(self, units=units)

    def units_of(self, doc_ids: Sequence[str]) -> list[str]:
        """The resampled units of these documents."""
        return [self.units.get(doc_id, doc_id) for doc_id in doc_ids]

    def of(self, doc_ids: Sequence[str], count: int | None = None) -> np.ndarray:
        """Draws of these documents, ``float64[documents, count]``; by default all draws."""
        key = self.count if count is None else count, tuple(self.units_of(doc_ids))
        if key not in self._cache:
            self._cache[key] = draws(key[1], key[0], self.seed)
        return self._cache[key]
