"""Rotary position embeddings (Su et al. 2021, arXiv 2104.09864), in the layout of Llama and Qwen.

Dimension ``i`` of a head pairs with dimension ``i + d/2``; the pair at position ``t`` turns by ``t · θ^(−2i/d)``.
"""

from typing import Any

import torch
from torch import Tensor

THETA = 10000.0


def rotary_tables(sequence_length: int, head_size: int) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines, each ``[T, 1, d]``.

    A rotation is ``x·cos + swap(x)·sin``, where ``swap`` exchanges the halves of the last axis.
    """
    frequencies = 1.0 / THETA ** (torch.arange(0, head_size, 2, dtype=torch.float) / head_size)
    angles = torch.outer(torch.arange(sequence_length, dtype=torch.float), frequencies)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((cos, cos), dim=-1).unsqueeze(1), torch.cat((-sin, sin), dim=-1).unsqueeze(1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn queries or keys ``[B, T, n, d]`` by their positions; ``cos`` and ``sin`` from ``rotary_tables``."""
    return _Rotate.apply(x, cos, sin)


def _turn(x: Tensor, cos: Tensor, sin: Tensor, direction: int) -> Tensor:
    return (x * cos).addcmul_(x.roll(x.shape[-1] // 2, -1), sin, value=direction)


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turn(x, cos, sin, 1).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        # The transpose of a rotation turns back.
        cos, sin = ctx.saved_tensors
        return _turn(gradient, cos, sin, -1).to(gradient.dtype), None, None
