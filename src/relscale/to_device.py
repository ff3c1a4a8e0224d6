"""Copies from CPU memory to a device that do not block the CPU."""

import torch
from torch import Tensor


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a device; to a GPU through pinned memory.

    A copy from pageable memory waits until the GPU has finished all queued work. A copy from pinned memory is queued
    behind that work, so that the next batch is read while the GPU computes; torch keeps a block of pinned memory until
    its copy is done.
    """
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
