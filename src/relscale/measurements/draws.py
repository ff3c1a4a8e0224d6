"""Bootstrap draws of items, keyed by document, or by what a document shares with others: its cluster.

Every model, group and variety that holds a document sees it drawn equally often: that is what pairs them. A document's
draws follow from its id and the seed alone, so items that are added or taken away change no other item's draws. Counts
are Poisson with mean 1, the limit of multinomial resampling for many items.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

_POISSON_CDF = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(20)])


def draws(doc_ids: Sequence[str], count: int, seed: int) -> np.ndarray:
    """How often each document is in each of ``count`` draws, ``float64[documents, count]``.

    The first draws are the same whatever ``count`` is.
    """
    weights = np.empty((len(doc_ids), count))
    for row, doc_id in enumerate(doc_ids):
        key = hashlib.blake2b(f"{seed} {doc_id}".encode(), digest_size=16).digest()
        # Raw bits of a counter-based generator: numpy keeps those the same between versions.
        bits = np.random.Philox(key=int.from_bytes(key, "little")).random_raw(count)
        weights[row] = np.searchsorted(_POISSON_CDF, (bits >> np.uint64(11)) * 2.0**-53, side="right")
    return weights


@dataclass(frozen=True)
class Draws:
    """The draws of an experiment; those of the same documents are made once.

    Attributes
    ----------
    count
        How many.
    seed
        Of their random numbers.
    units
        What is drawn in place of a document, such as its cluster; by default the document itself.
    """

    count: int
    seed: int
    units: Mapping[str, str] = field(default_factory=dict, repr=False)
    _cache: dict[tuple[int, tuple[str, ...]], np.ndarray] = field(default_factory=dict, repr=False)

    def by(self, units: Mapping[str, str]) -> "Draws":
        """The same draws, of these units in place of documents."""
        return replace(self, units=units)

    def units_of(self, doc_ids: Sequence[str]) -> list[str]:
        """The weights of these documents in each draw."""
        return [self.units.get(doc_id, doc_id) for doc_id in doc_ids]

    def of(self, doc_ids: Sequence[str], count: int | None = None) -> np.ndarray:
        """Draws of these documents, ``float64[documents, count]``; by default as many as there are."""
        key = self.count if count is None else count, tuple(self.units_of(doc_ids))
        if key not in self._cache:
            self._cache[key] = draws(key[1], key[0], self.seed)
        return self._cache[key]
