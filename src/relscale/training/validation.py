"""Loss on the first tokens of the validation split."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

BATCH_TOKENS = 4096


def windows(tokens: np.ndarray, sequence_length: int) -> list[Tensor]:
    """Split tokens into batches of sequences ``[B, T + 1]`` that overlap by one.

    Every token but the first is predicted once. The last window may be shorter, and is then a separate batch.
    """
    ids = torch.from_numpy(np.ascontiguousarray(tokens, dtype=np.int64))
    full = (len(ids) - 1) // sequence_length
    batches: list[Tensor] = []
    if full:
        sequences = ids[: full * sequence_length + 1].unfold(0, sequence_length + 1, sequence_length)
        batches += sequences.split(max(1, BATCH_TOKENS // sequence_length))
    if len(ids) - 1 > full * sequence_length:
        batches.append(ids[full * sequence_length :].unsqueeze(0))
    return batches


@torch.no_grad()
def mean_loss(loss: Callable[[Tensor], Tensor], batches: list[Tensor]) -> float:
    """Mean nats per token over ``batches``, from a function that returns the mean of one batch."""
    losses = torch.stack([loss(batch) for batch in batches]).tolist()  # read once: reading makes a GPU wait
    nats, count = 0.0, 0
    for batch, mean in zip(batches, losses, strict=True):
        predicted = batch.shape[0] * (batch.shape[1] - 1)
        nats += mean * predicted
        count += predicted
    return nats / count


def bits_per_byte(nats_per_token: float, tokens: np.ndarray, token_bytes: np.ndarray) -> float:
    """Bits per byte of the predicted text: total bits of the predicted tokens over their bytes.

    Parameters
    ----------
    nats_per_token
        Mean loss over all ``tokens`` but the first.
    tokens
        ``[n]`` token ids.
    token_bytes
        ``[V]``, bytes per token. End-of-text tokens have 0 bytes, but their bits count.
    """
    return nats_per_token / math.log(2) * (len(tokens) - 1) / int(token_bytes[tokens[1:]].sum())
