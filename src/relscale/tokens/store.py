"""The token store: a corpus as long arrays of tokens, and its batches in a seeded order."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relscale.errors import Damaged, RelscaleError
from relscale.storage.checksums import check_digests, check_sizes
from relscale.tokens.interleave import interleave
from relscale.tokens.manifest import STORE_FILE, StoreManifest
from relscale.tokens.order import shuffled_index

SPLITS = ("train", "validation")  # test documents are scored individually and are not stored here
Tokens = NDArray[np.unsignedinteger]


@dataclass(frozen=True)
class Joined:
    """Concatenated view of arrays of tokens."""

    arrays: tuple[Tokens, ...]
    ends: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ends", tuple(accumulate(map(len, self.arrays))))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def first(self, count: int | None) -> "Joined":
        """The first ``count`` tokens, or all for None."""
        if count is None:
            return self
        starts = (end - len(array) for end, array in zip(self.ends, self.arrays, strict=True))
        return Joined(
            tuple(array[: max(0, count - start)] for start, array in zip(starts, self.arrays, strict=True))
        )

    def read(self, start: int, stop: int) -> Tokens:
        """The tokens ``start`` to ``stop``, exclusive."""
        if start >= stop:
            return np.concatenate([array[:0] for array in self.arrays[:1]])
        number = bisect_right(self.ends, start)
        begin = start - (self.ends[number] - len(self.arrays[number]))
        first = self.arrays[number][begin : begin + stop - start]
        if len(first) == stop - start:
            return first
        return np.concatenate([first, self.read(start + len(first), stop)])

    def rows(self, starts: NDArray[np.int64], length: int) -> NDArray[np.int64]:
        """``length`` tokens from each of ``starts``, ``[len(starts), length]``."""
        if len(self.arrays) == 1:
            rows: NDArray[np.int64] = self.arrays[0][starts[:, None] + np.arange(length)].astype(np.int64)
            return rows
        return np.array([self.read(start, start + length) for start in starts.tolist()], np.int64)


@dataclass(frozen=True)
class Part:
    """A part of a mixture, or a whole corpus: its name, its share in units, its training tokens."""

    name: str
    units: int
    train: Joined


@dataclass(frozen=True)
class TokenStore:
    """Tokens on disk: each split's documents in a shuffled order, each followed by the end-of-text token.

    Attributes
    ----------
    folder
        Folder of the manifest.
    manifest
        Vocabulary, counts, shares of the groups, and digests.
    parts
        Memory-mapped training tokens, by part.
    validation
        Memory-mapped validation tokens.
    """

    folder: Path
    manifest: StoreManifest
    parts: tuple[Part, ...]
    validation: Tokens

    @classmethod
    def open(cls, folder: str | Path) -> "TokenStore":
        """Open the store in ``folder``; tokens are read from disk as they are used.

        Raises
        ------
        RelscaleError
            There is no store, or one of its files or shards is missing or has the wrong size.
        """
        folder = Path(folder)
        path = folder / STORE_FILE
        if not path.is_file():
            raise RelscaleError(f"{folder}: no token store; build it with `relscale tokenize`")
        try:
            check_sizes(folder)
            check_digests(folder, [STORE_FILE])
            manifest = StoreManifest.read(path)
            for shard in _shards(manifest):
                check_sizes(shard)
        except Damaged as error:
            remedy = "build the store again with `relscale tokenize`, or snakemake"
            raise Damaged(error.path, error.reason, remedy) from None
        dtype = manifest.dtype
        parts = tuple(
            Part(part.name, part.units, joined(part.shards, "train", dtype).first(part.unique_tokens))
            for part in manifest.parts
        ) or (Part("", 1, joined([str(folder)], "train", dtype)),)
        return cls(folder, manifest, parts, _map(folder / "validation.bin", dtype))

    def check(self) -> None:
        """Verify the store against its digests; takes as long as reading it once.

        Raises
        ------
        Damaged
            A file differs from its digest.
        """
        for folder in (self.folder, *_shards(self.manifest)):
            check_digests(folder)

    def tokens(self, split: str) -> Tokens:
        """All tokens of ``validation``, or of ``train`` of a corpus in one piece; several arrays are copied."""
        if split == "validation":
            return self.validation
        (part,) = self.parts
        return part.train.read(0, len(part.train))

    def passes(self, tokens: int) -> float:
        """Largest number of passes that a run of ``tokens`` makes over the text of a part.

        As the plan counts them, by tokens: a part that is as long as the run is one pass, although its last tokens,
        which fill no sequence, are not read.
        """
        total = sum(part.units for part in self.parts)
        return max(tokens * part.units / total / max(1, len(part.train)) for part in self.parts)

    def unique_tokens(self, tokens: int, sequence_length: int) -> int:
        """Number of unique tokens in a run of ``tokens``: per part its share, or its whole sequences if they are fewer.

        Tokens after the last whole sequence of a part are never read.
        """
        total = sum(part.units for part in self.parts)
        return round(
            sum(
                min(tokens * part.units / total, _blocks(part.train, sequence_length) * sequence_length)
                for part in self.parts
            )
        )

    def blocks(self, sequence_length: int, split: str = "train") -> int:
        """Number of sequences in one pass over a split, of all parts.

        Block *i* is tokens *iT* to *iT + T*, inclusive: *T* inputs and their *T* targets. Neighbouring blocks share a
        token, once as a target and once as an input; an incomplete last block is dropped.
        """
        return sum(_blocks(part.train, sequence_length) for part in self._parts(split))

    def batch(
        self, step: int, batch_size: int, sequence_length: int, split: str = "train", seed: int = 0
    ) -> NDArray[np.int64]:
        """The batch of a step, ``[batch_size, sequence_length + 1]``: inputs ``[:, :-1]``, targets ``[:, 1:]``.

        An epoch takes every block once, in an order that depends on the seed and the epoch. The parts of a mixture are
        interleaved by their shares (``relscale.tokens.interleave``), and each has its own epochs. The batch
        depends only on the arguments, so that training can resume at any step and each device can take its own rows.

        Raises
        ------
        RelscaleError
            A part of the split is shorter than one block.
        """
        parts = self._parts(split)
        numbers = np.arange(step * batch_size, (step + 1) * batch_size)
        if len(parts) == 1:
            return self._sequences(parts[0], split, numbers, sequence_length, (seed,))
        part_index, before = interleave(numbers, tuple(part.units for part in parts))
        batch = np.empty((batch_size, sequence_length + 1), np.int64)
        for number in np.unique(part_index).tolist():
            rows = part_index == number
            batch[rows] = self._sequences(parts[number], split, before[rows], sequence_length, (seed, number))
        return batch

    def _sequences(
        self, part: Part, split: str, numbers: NDArray[np.int64], sequence_length: int, key: tuple[int, ...]
    ) -> NDArray[np.int64]:
        """Sequences of a part at its positions ``numbers``, ascending; each epoch has its own order."""
        blocks = _blocks(part.train, sequence_length)
        if not blocks:
            location = f"{self.folder}, part {part.name}" if part.name else str(self.folder)
            raise RelscaleError(
                f"{location}: {len(part.train)} tokens of {split} text, fewer than one sequence of "
                f"{sequence_length}; add text or shorten design.sequence_length"
            )
        passes, steps = np.divmod(numbers, blocks)
        seed, *number = key
        blocks_of_steps = [
            shuffled_index(steps[passes == epoch], blocks, (seed, epoch, *number))
            for epoch in range(int(passes[0]), int(passes[-1]) + 1)
        ]
        return part.train.rows(np.concatenate(blocks_of_steps) * sequence_length, sequence_length + 1)

    def _parts(self, split: str) -> Sequence[Part]:
        return self.parts if split == "train" else [Part("", 1, Joined((self.validation,)))]


def joined(shards: Sequence[str], split: str, dtype: str) -> Joined:
    """Memory-mapped tokens of a split in the folders of several shards.

    Raises
    ------
    RelscaleError
        A shard is missing.
    """
    return Joined(tuple(_map(Path(shard) / f"{split}.bin", dtype) for shard in shards))


def _shards(manifest: StoreManifest) -> list[Path]:
    return [Path(shard) for part in manifest.parts for shard in part.shards]


def _blocks(tokens: Joined, sequence_length: int) -> int:
    return max(0, len(tokens) - 1) // sequence_length


def _map(path: Path, dtype: str) -> Tokens:
    if not path.is_file():
        raise RelscaleError(f"{path}: no such file; build the store again with `relscale tokenize`")
    if not path.stat().st_size:  # an empty file cannot be mapped
        return np.zeros(0, dtype)
    return np.asarray(np.memmap(path, dtype, mode="r"))
