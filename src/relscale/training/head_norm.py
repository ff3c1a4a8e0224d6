"""Norm and rotation of queries or keys: what Qwen3 does to each head before attention, as one function."""

from typing import Any

import torch
from torch import Tensor

from relscale.training import native
from relscale.training.rms_norm import EPSILON, rms_norm
from relscale.training.rotary import rotate


def norm_rotate(x: Tensor, weight: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """``rotate(rms_norm(x, weight), cos, sin)``.

    Parameters
    ----------
    x
        ``[B, T, n, d]``.
    weight
        ``[d]``.
    cos, sin
        ``[T, 1, d]``, from ``rotary_tables``.

    Returns
    -------
    Tensor
        ``[B, T, n, d]``, of the type of ``x``.
    """
    if native.usable(x, weight, cos, sin):
        return _NormRotate.apply(x.contiguous(), weight, cos, sin)
    return rotate(rms_norm(x, weight), cos, sin)


class _NormRotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, heads, size = x.shape
        y, scale = torch.empty_like(x), x.new_empty(batch * length * heads)
        native.call(
            "norm_rotate", batch * length, length, heads, size, EPSILON, x, weight, cos, sin, y, scale
        )
        ctx.save_for_backward(x, weight, cos, sin, scale)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, weight, cos, sin, scale = ctx.saved_tensors
        batch, length, heads, size = x.shape
        grad_x, grad_weight = torch.empty_like(x), torch.zeros_like(weight)
        arguments = (x, weight, cos, sin, scale, gradient.contiguous(), grad_x, grad_weight)
        native.call("norm_rotate_gradient", batch * length, length, heads, size, *arguments)
        return grad_x, grad_weight, None, None
