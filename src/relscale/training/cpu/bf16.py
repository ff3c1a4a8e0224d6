"""The kernels of ``bf16.c`` as functions with gradients: factors rounded to bf16, sums in float32.

Formulas and shapes are those of ``relscale.training.ops``. Weights, operations other than products, and all
gradients stay float32. Each function takes contiguous float32 tensors on a processor and one thread
(``relscale.training.cpu.native.usable``), and is used only inside ``bf16_products``, which needs the kernels
(``available``).
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

from relscale.training.cpu import native
from relscale.training.first_order import first_order

_enabled = ContextVar("bf16 products", default=False)


def available() -> bool:
    """Whether this machine has the kernels, and this process uses a single thread."""
    library = native.library() if torch.get_num_threads() == 1 else None
    return library is not None and bool(library.has_bf16_products())


@contextmanager
def bf16_products() -> Iterator[None]:
    """Context in which matrix products, and those of the later backward pass, are in bf16."""
    token = _enabled.set(True)
    try:
        yield
    finally:
        _enabled.reset(token)


def same_products() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """For ``torch.utils.checkpoint``: recomputation uses the same products as the first pass."""
    return nullcontext(), bf16_products() if _enabled.get() else nullcontext()


def usable(*tensors: Tensor) -> bool:
    """Whether products of these tensors are to be computed by these kernels."""
    return _enabled.get() and native.usable(*tensors)


class Projections(torch.autograd.Function):
    """``projections(x, *weights)``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        """One product per weight."""
        ctx.save_for_backward(x, *weights)
        return tuple(_linear(x, weight) for weight in weights)

    @staticmethod
    @first_order
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        """Gradients of ``x`` and of each weight."""
        x, *weights = ctx.saved_tensors
        grad_x, grad_weights = torch.empty_like(x), []
        for number, (gradient, weight) in enumerate(zip(gradients, weights, strict=True)):
            grad_weights.append(_gradient(x, weight, gradient.contiguous(), grad_x, adds=number > 0))
        return grad_x, *grad_weights


class SwiGLU(torch.autograd.Function):
    """``swiglu(x, gate, up, down)``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
        """Gate and product in one pass."""
        gates, ups = _linear(x, gate), _linear(x, up)
        product = torch.empty_like(gates)
        native.call("swiglu", gates.numel(), gates, ups, product)
        ctx.save_for_backward(x, gate, up, down, gates, ups, product)
        return _linear(product, down)

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        """Gradients of ``x`` and of the three weights."""
        x, gate, up, down, gates, ups, product = ctx.saved_tensors
        inner, grad_x = torch.empty_like(product), torch.empty_like(x)
        grad_down = _gradient(product, down, gradient.contiguous(), inner)
        # In place, as new memory costs as much as the arithmetic; a second backward pass fails by version counters.
        native.call("swiglu_gradient", inner.numel(), gates, ups, inner)
        torch.autograd.graph.increment_version((gates, ups))
        grad_gate = _gradient(x, gate, gates, grad_x)
        grad_up = _gradient(x, up, ups, grad_x, adds=True)
        return grad_x, grad_gate, grad_up, grad_down


class Attention(torch.autograd.Function):
    """``attention(q, k, v)``, in blocks as ``relscale.training.cpu.functions.Attention`` has them."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The values, and for the gradient the logarithm of each row's sum."""
        batch, length, heads, size = q.shape
        y, logsums = torch.empty_like(q), q.new_empty(batch, heads, length)
        native.call("attention_in_bf16", batch, length, heads, k.shape[2], size, q, k, v, y, logsums)
        ctx.save_for_backward(q, k, v, logsums)
        return y

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of ``q``, ``k`` and ``v``."""
        q, k, v, logsums = ctx.saved_tensors
        batch, length, heads, size = q.shape
        gradients = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        shape = (batch, length, heads, k.shape[2], size)
        arguments = (q, k, v, logsums, gradient.contiguous(), *gradients)
        native.call("attention_gradient_in_bf16", *shape, *arguments)
        return gradients


class LinearCrossEntropy(torch.autograd.Function):
    """``cross_entropy(hidden, weight, targets)``, with logits of a few rows at a time and both gradients at once."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, wants_gradients: bool) -> Tensor:
        """The mean over rows; the gradients are kept, and only scaled later."""
        (rows, width), vocabulary = hidden.shape, weight.shape[0]
        n_saved = rows if wants_gradients else 0
        grad_hidden, grad_weight = (
            hidden.new_empty(n_saved, width),
            weight.new_empty(width, vocabulary if n_saved else 0),
        )
        largest = -math.log(torch.finfo(weight.dtype).tiny)
        arguments = (hidden, weight, targets.contiguous(), grad_hidden, grad_weight)
        nats = native.call(
            "linear_cross_entropy", rows, width, vocabulary, wants_gradients, largest, *arguments
        )
        ctx.save_for_backward(grad_hidden, grad_weight)
        return weight.new_tensor(nats / rows)

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Both gradients, of the mean."""
        grad_hidden, grad_weight = ctx.saved_tensors
        scale = gradient / len(grad_hidden)
        return grad_hidden * scale, (grad_weight * scale).t(), None, None


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """``cross_entropy(hidden, weight, targets)``."""
    wants_gradients = torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)
    loss: Tensor = LinearCrossEntropy.apply(
        hidden.contiguous(), weight.contiguous(), targets, wants_gradients
    )
    return loss


def _linear(x: Tensor, weight: Tensor) -> Tensor:
    """``x · weightᵀ``."""
    y = x.new_empty(*x.shape[:-1], len(weight))
    native.call("linear", x.numel() // x.shape[-1], x.shape[-1], len(weight), x, weight, y)
    return y


def _gradient(x: Tensor, weight: Tensor, gradient: Tensor, grad_x: Tensor, adds: bool = False) -> Tensor:
    """Gradient of ``_linear`` by the weight; that by x is written to ``grad_x``, or added to it."""
    grad_weight = torch.empty_like(weight)
    sizes = x.numel() // x.shape[-1], x.shape[-1], len(weight)
    native.call("linear_gradient", *sizes, x, weight, gradient, adds, grad_x, grad_weight)
    return grad_weight
