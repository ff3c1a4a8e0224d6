"""A batch dealt out to devices, and each device's share in pieces."""

from collections.abc import Iterator

import torch
from torch import Tensor

from relscale.design.run import Run
from relscale.tokens.store import TokenStore


def pieces(
    store: TokenStore, run: Run, step: int, rank: int, count: int, micro_batch: int
) -> Iterator[Tensor]:
    """What device ``rank`` of ``count`` takes of the batch of a step, ``[micro_batch, T + 1]`` at a time.

    All pieces of all devices, one after another, are the batch in its order: which tokens a step sees depends on
    neither. They are read as batches of a smaller size, so that no device reads the whole.
    """
    length = run.architecture.sequence_length
    number = run.batch_size // (count * micro_batch)
    first = (step * count + rank) * number
    for piece in range(first, first + number):
        yield torch.from_numpy(store.batch(piece, micro_batch, length, split="train", seed=run.seed))
