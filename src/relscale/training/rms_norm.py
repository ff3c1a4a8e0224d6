"""Root-mean-square normalisation with its gradient written out.

The gradient that torch derives for ``F.rms_norm`` on a CPU passes over memory a dozen times; this one passes four, and
once in the kernels of ``native``.
"""

from typing import Any

import torch
from torch import Tensor

from relscale.training import native

EPSILON = 1e-6


def rms_norm(x: Tensor, weight: Tensor) -> Tensor:
    """``weight · x / √(mean(x²) + 1e-6)`` over the last axis.

    Parameters
    ----------
    x
        ``[..., h]``; any floating type. Computed in the wider of its type and the weight's.
    weight
        ``[h]``.

    Returns
    -------
    Tensor
        ``[..., h]``, of the type of ``x``.
    """
    if native.usable(x, weight):
        return _NativeRMSNorm.apply(x.contiguous(), weight)
    return _RMSNorm.apply(x, weight)


class _NativeRMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        width = weight.numel()
        rows = x.numel() // width
        y, scale = torch.empty_like(x), x.new_empty(rows)
        native.call("rms_norm", rows, width, EPSILON, x, weight, y, scale)
        ctx.save_for_backward(x, scale, weight)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, scale, weight = ctx.saved_tensors
        grad_x, grad_weight = torch.empty_like(x), torch.zeros_like(weight)
        arguments = (x, weight, scale, gradient.contiguous(), grad_x, grad_weight)
        native.call("rms_norm_gradient", scale.numel(), weight.numel(), *arguments)
        return grad_x, grad_weight


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        wide = x.to(torch.promote_types(x.dtype, weight.dtype))
        norm = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
        scale = norm.square_().div_(x.shape[-1]).add_(EPSILON).rsqrt_()
        ctx.save_for_backward(x, scale, weight)
        return (wide * scale).mul_(weight).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        # With x̂ = scale·x and g the incoming gradient: dw = Σ g·x̂, dx = scale · (g·w − x̂ · mean(g·w·x̂)).
        x, scale, weight = ctx.saved_tensors
        wide, gradient = x.to(scale.dtype), gradient.to(scale.dtype)
        product = (wide * scale).mul_(gradient)
        projection = (product @ weight).unsqueeze_(-1).mul_(scale).div_(-x.shape[-1])
        grad_x = (gradient * weight).addcmul_(wide, projection).mul_(scale)
        return grad_x.to(x.dtype), product.flatten(0, -2).sum(0)
