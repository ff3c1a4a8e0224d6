"""The token store: a corpus as two long arrays of tokens, and batches of it in an order that a seed decides."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.errors import RelscaleError

SPLITS = ("train", "validation")  # what is for testing is scored document by document, and has no place here
MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True)
class TokenStore:
    """Tokens on disk: each split's documents in a shuffled order, each followed by the end-of-text token.

    Attributes
    ----------
    folder
        Where it lies.
    manifest
        What ``relscale.tokens.build`` wrote of it: vocabulary size, counts, shares of the groups, digests.
    arrays
        The tokens of each split, mapped from disk.
    """

    folder: Path
    manifest: dict[str, Any]
    arrays: dict[str, NDArray[np.unsignedinteger]]

    @classmethod
    def open(cls, folder: str | Path) -> "TokenStore":
        """Open the store in ``folder``; tokens are read from disk as they are used.

        Raises
        ------
        RelscaleError
            There is no store.
        """
        folder = Path(folder)
        path = folder / MANIFEST_FILE
        if not path.is_file():
            raise RelscaleError(f"{folder}: no token store; make it with `relscale tokenize`")
        manifest = json.loads(path.read_text(encoding="utf-8"))
        arrays = {split: _map(folder / f"{split}.bin", manifest["dtype"]) for split in SPLITS}
        return cls(folder, manifest, arrays)

    def tokens(self, split: str) -> NDArray[np.unsignedinteger]:
        """All tokens of ``train`` or ``validation``."""
        return self.arrays[split]

    def blocks(self, sequence_length: int, split: str = "train") -> int:
        """The number of sequences in one pass over a split.

        Block *i* is tokens *iT* to *iT + T*, both included: *T* inputs and their *T* targets. Two neighbours share a
        token, once as a target and once as an input; the tail that fills no block is left out.
        """
        return max(0, len(self.tokens(split)) - 1) // sequence_length

    def batch(
        self, step: int, batch_size: int, sequence_length: int, split: str = "train", seed: int = 0
    ) -> NDArray[np.int64]:
        """The batch of a step, ``[batch_size, sequence_length + 1]``: inputs ``[:, :-1]``, targets ``[:, 1:]``.

        A pass takes every block once, in an order that depends on the seed and the number of the pass. The batch is a
        function of the arguments alone: training resumes at any step, and each device takes its rows of the batch.

        Raises
        ------
        RelscaleError
            The split is shorter than one block.
        """
        blocks = self.blocks(sequence_length, split)
        if not blocks:
            raise RelscaleError(
                f"{self.folder}: {len(self.tokens(split))} tokens of {split} text, fewer than one sequence of "
                f"{sequence_length}; add text or shorten design.sequence_length"
            )
        drawn = [divmod(number, blocks) for number in range(step * batch_size, (step + 1) * batch_size)]
        chosen = np.array([_order(blocks, seed, number)[place] for number, place in drawn])
        return self.tokens(split)[chosen[:, None] * sequence_length + np.arange(sequence_length + 1)].astype(
            np.int64
        )


def _map(path: Path, dtype: str) -> NDArray[np.unsignedinteger]:
    if not path.stat().st_size:  # an empty file cannot be mapped
        return np.zeros(0, dtype)
    return np.memmap(path, dtype, mode="r")


@lru_cache(maxsize=8)
def _order(blocks: int, seed: int, number: int) -> NDArray[np.int64]:
    """The order of the blocks in the pass of this number, counted from 0."""
    return np.random.default_rng([seed, number]).permutation(blocks)
