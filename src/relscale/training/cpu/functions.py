"""The kernels of ``native.c`` as functions with gradients; formulas and shapes are those of ``relscale.training.ops``.

Each takes contiguous float32 tensors on a processor (``relscale.training.cpu.native.usable``).
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from relscale.training.cpu import native
from relscale.training.first_order import first_order

BLOCK = 64  # queries per block of attention, as in native.c


class RMSNorm(torch.autograd.Function):
    """``rms_norm(x, weight, epsilon)``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        """One pass; each row's scale is kept for the gradient."""
        width = weight.numel()
        rows = x.numel() // width
        y, scale = torch.empty_like(x), x.new_empty(rows)
        native.call("rms_norm", rows, width, epsilon, x, weight, y, scale)
        ctx.save_for_backward(x, scale, weight)
        return y

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients of ``x`` and ``weight``."""
        x, scale, weight = ctx.saved_tensors
        grad_x, grad_weight = torch.empty_like(x), torch.zeros_like(weight)
        arguments = (x, weight, scale, gradient.contiguous(), grad_x, grad_weight)
        native.call("rms_norm_gradient", scale.numel(), weight.numel(), *arguments)
        return grad_x, grad_weight, None


class RMSNormRotary(torch.autograd.Function):
    """``rms_norm_rotary(x, weight, cos, sin)`` with the norm's epsilon."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, cos: Tensor, sin: Tensor, epsilon: float) -> Tensor:
        """One pass; each head's scale is kept for the gradient."""
        batch, length, heads, size = x.shape
        y, scale = torch.empty_like(x), x.new_empty(batch * length * heads)
        native.call(
            "norm_rotate", batch * length, length, heads, size, epsilon, x, weight, cos, sin, y, scale
        )
        ctx.save_for_backward(x, weight, cos, sin, scale)
        return y

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        """Gradients of ``x`` and ``weight``."""
        x, weight, cos, sin, scale = ctx.saved_tensors
        batch, length, heads, size = x.shape
        grad_x, grad_weight = torch.empty_like(x), torch.zeros_like(weight)
        arguments = (x, weight, cos, sin, scale, gradient.contiguous(), grad_x, grad_weight)
        native.call("norm_rotate_gradient", batch * length, length, heads, size, *arguments)
        return grad_x, grad_weight, None, None, None


class Attention(torch.autograd.Function):
    """``attention(q, k, v)``, which computes no scores of later keys.

    Blocks of 64 queries: their products with the keys up to the block's last, softmax, and the weighted sum of values.
    The scores are computed again for the gradient, from the logarithm of each row's sum, as in FlashAttention-2 (Dao
    2023, arXiv 2307.08691). torch's kernel for a processor uses the same blocks; its products of that size are half as
    fast.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The values, and for the gradient the logarithm of each row's sum."""
        batch, length, heads, size = q.shape
        y, logsums = torch.empty_like(q), q.new_empty(batch, heads, length)
        shape = (batch, length, heads, k.shape[2], size)
        native.call("attention", native.sgemm(), *shape, q, k, v, y, logsums, q.new_empty(BLOCK, length))
        ctx.save_for_backward(q, k, v, y, logsums)
        return y

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of ``q``, ``k`` and ``v``."""
        q, k, v, y, logsums = ctx.saved_tensors
        batch, length, heads, size = q.shape
        gradients = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        shape = (batch, length, heads, k.shape[2], size)
        arguments = (q, k, v, y, logsums, gradient.contiguous(), *gradients, q.new_empty(2 * BLOCK, length))
        native.call("attention_gradient", native.sgemm(), *shape, *arguments)
        return gradients


class Projections(torch.autograd.Function):
    """``projections(x, *weights)``; the matrix products themselves sum the parts of the input's gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        """One product per weight."""
        ctx.save_for_backward(x, *weights)
        return tuple(F.linear(x, weight) for weight in weights)

    @staticmethod
    @first_order
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        """Gradients of ``x`` and of each weight."""
        x, *weights = ctx.saved_tensors
        rows, gradients = x.flatten(0, -2), tuple(gradient.flatten(0, -2) for gradient in gradients)
        grad_x = gradients[0] @ weights[0]
        for gradient, weight in zip(gradients[1:], weights[1:], strict=True):
            grad_x.addmm_(gradient, weight)
        return grad_x.view_as(x), *(gradient.t() @ rows for gradient in gradients)


class SwiGLU(torch.autograd.Function):
    """``swiglu(x, gate, up, down)``; it keeps one array of the inner size less than torch does."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
        """Gate and product in one pass."""
        gates, ups = F.linear(x, gate), F.linear(x, up)
        product = torch.empty_like(gates)
        native.call("swiglu", gates.numel(), gates, ups, product)
        ctx.save_for_backward(x, gate, up, down, gates, ups)
        return F.linear(product, down)

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        """Gradients of ``x`` and of the three weights."""
        x, gate, up, down, *saved = ctx.saved_tensors
        gradient, x_rows = gradient.flatten(0, -2), x.flatten(0, -2)
        gates, ups = (tensor.flatten(0, -2) for tensor in saved)
        product = gradient @ down
        # In place, as new memory costs as much as the arithmetic; a second backward pass fails by version counters.
        native.call("swiglu_gradient", product.numel(), gates, ups, product)
        torch.autograd.graph.increment_version(saved)
        grad_x = (gates @ gate).addmm_(ups, up)
        # The weights' gradients with the short side first: MKL makes that product up to a fifth faster.
        grad_gate, grad_up = ((x_rows.t() @ rows).t() for rows in (gates, ups))
        return grad_x.view_as(x), grad_gate, grad_up, gradient.t() @ product


def softmax_loss(logits: Tensor, targets: Tensor, wants_gradients: bool) -> float:
    """As ``relscale.training.cross_entropy.softmax_loss``."""
    largest = -math.log(torch.finfo(logits.dtype).tiny)
    arguments = (wants_gradients, largest, logits, targets.contiguous())
    nats: float = native.call("cross_entropy", *logits.shape, *arguments)
    return nats
