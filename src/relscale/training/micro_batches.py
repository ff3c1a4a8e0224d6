"""Division of a batch among devices, and of each device's share into micro-batches."""

from collections.abc import Iterator

import torch
from torch import Tensor

from relscale.design.run import Run
from relscale.tokens.store import TokenStore


def micro_batches(
    store: TokenStore, run: Run, step: int, rank: int, count: int, size: int
) -> Iterator[Tensor]:
    """The share of device ``rank`` of ``count`` in the batch of a step, ``[size, T + 1]`` at a time.

    ``size`` divides a device's share of the first batch, and so of all. The micro-batches of all devices, one after
    another, are the batch in its order: which tokens a step sees depends on neither. They are read as
    batches of a smaller size, so that no device reads the whole.
    """
    length = run.architecture.sequence_length
    per_device = run.batch_at(step) // (count * size)
    first = run.sequences_before(step) // size + rank * per_device
    for number in range(first, first + per_device):
        yield torch.from_numpy(store.batch(number, size, length, split="train", seed=run.seed))


def largest_divisor(share: int, most: int) -> int:
    """The largest divisor of a device's share of a batch that is at most ``most``; 0 if that is below 1."""
    return max((size for size in range(1, most + 1) if share % size == 0), default=0)
