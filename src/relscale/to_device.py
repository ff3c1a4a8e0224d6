"""Copies from the processor's memory to a device that do not make the processor wait."""

import torch
from torch import Tensor


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device; to a GPU by way of pinned memory.

    A copy from pageable memory waits until the GPU has done all work that was queued before it. From pinned memory it
    is queued behind that work, so that the next batch is read while the GPU computes; torch's allocator of pinned
    memory keeps a block until its copy is done.
    """
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
