"""Keys of several columns as integers that sort as the keys do, by which tables are joined as arrays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from relscale.storage import arrow_compute as pc
from relscale.storage.columns import plain

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Vocabulary:
    """The distinct values of columns, sorted, null first.

    Examples
    --------
    >>> table = pa.table({"corpus": ["web", "code", "web"], "step": [2, 10, 1]})
    >>> vocabulary = Vocabulary.of(table, ["corpus", "step"])
    >>> codes = vocabulary.codes(table, ["corpus", "step"])
    >>> codes.tolist(), vocabulary.keys(np.sort(codes), ["corpus", "step"])
    ([4, 2, 3], [('code', 10), ('web', 1), ('web', 2)])
    """

    words: Mapping[str, pa.Array]

    @classmethod
    def of(cls, table: pa.Table, names: Iterable[str]) -> "Vocabulary":
        """The values of these columns of a table."""
        return cls({name: _distinct(table[name]) for name in names})

    def codes(self, table: pa.Table, names: Sequence[str]) -> Integers:
        """An integer per row for its key in these columns; −1 if a value is not in the vocabulary."""
        code = np.zeros(table.num_rows, dtype=np.int64)
        unknown = np.zeros(table.num_rows, dtype=bool)
        for name in names:
            digits = _positions(table[name], self.words[name])
            unknown |= digits < 0
            code = code * len(self.words[name]) + digits
        return np.where(unknown, -1, code)

    def columns(self, codes: Integers, names: Sequence[str]) -> pa.Table:
        """The keys of codes."""
        digits = np.unravel_index(codes, [len(self.words[name]) for name in names])
        return pa.table(
            {name: self.words[name].take(pa.array(digit)) for name, digit in zip(names, digits, strict=True)}
        )

    def keys(self, codes: Integers, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """The same as tuples."""
        return list(zip(*self.columns(codes, names).to_pydict().values(), strict=True))


def _distinct(column: pa.ChunkedArray) -> pa.Array:
    values = plain(pa.chunked_array([pc.unique(column.drop_null())])).combine_chunks()  # not a dictionary
    values = values.take(pc.sort_indices(values))
    return pa.concat_arrays([pa.nulls(1, values.type), values]) if column.null_count else values


def _positions(column: pa.ChunkedArray, words: pa.Array) -> Integers:
    """Position in ``words`` of each value; −1 if absent. Each entry of a dictionary column is looked up once."""
    if not pa.types.is_dictionary(column.type):
        return _found(column.cast(words.type), words)
    encoded = column.unify_dictionaries().combine_chunks()
    entries = pa.concat_arrays([encoded.dictionary.cast(words.type), pa.nulls(1, words.type)])
    numbers = encoded.indices.fill_null(len(entries) - 1).to_numpy()
    positions: Integers = _found(entries, words)[numbers]
    return positions


def _found(values: pa.Array | pa.ChunkedArray, words: pa.Array) -> Integers:
    found: Integers = pc.index_in(values, value_set=words).fill_null(-1).to_numpy()
    return found
