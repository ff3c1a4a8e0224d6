"""Operations of the decoder and its optimizer that have several implementations, behind one interface.

Each function states the formula and selects the fastest implementation for its tensors:

- kernels in C for one thread of a processor (``relscale.training.cpu``), with products in float32 or in bf16,
- Liger Kernel's fused loss on a GPU (``relscale.training.liger``),
- torch's operations everywhere else. Where the gradient that torch derives passes over memory more often than it has
  to, it is written out.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from relscale.training import cautious, liger
from relscale.training.cpu import bf16, native
from relscale.training.cpu import cautious as cpu_cautious
from relscale.training.cpu import functions as cpu
from relscale.training.cross_entropy import linear_cross_entropy, softmax_loss

EPSILON = 1e-6  # of the norms
THETA = 10000.0  # base of the rotary frequencies


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
        return _apply(cpu.RMSNorm, x.contiguous(), weight, EPSILON)
    return _apply(_RMSNorm, x, weight)


def rotary_tables(sequence_length: int, head_size: int) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines of ``rotary``, each ``[T, 1, d]``."""
    frequencies = 1.0 / THETA ** (torch.arange(0, head_size, 2, dtype=torch.float) / head_size)
    angles = torch.outer(torch.arange(sequence_length, dtype=torch.float), frequencies)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((cos, cos), dim=-1).unsqueeze(1), torch.cat((-sin, sin), dim=-1).unsqueeze(1)


def rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding (Su et al. 2021, arXiv 2104.09864), in the layout of Llama and Qwen.

    Dimension ``i`` of a head is paired with ``i + d/2``; the pair at position ``t`` is rotated by ``t · θ^(−2i/d)``:
    ``x·cos + swap(x)·sin``, where ``swap`` exchanges the halves of the last axis.

    Parameters
    ----------
    x
        Queries or keys, ``[B, T, n, d]``.
    cos, sin
        From ``rotary_tables``.
    """
    return _apply(_Rotary, x, cos, sin)


def rms_norm_rotary(x: Tensor, weight: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """``rotary(rms_norm(x, weight), cos, sin)``, as Qwen3 applies to queries and keys, ``[B, T, n, d]``."""
    if native.usable(x, weight, cos, sin):
        return _apply(cpu.RMSNormRotary, x.contiguous(), weight, cos, sin, EPSILON)
    return rotary(rms_norm(x, weight), cos, sin)


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention ``softmax(q · kᵀ / √d) · v``: each query sees the keys up to its own position.

    Parameters
    ----------
    q
        ``[B, T, n, d]``.
    k, v
        ``[B, T, n_kv, d]``; ``n / n_kv`` consecutive queries share a key head.

    Returns
    -------
    Tensor
        ``[B, T, n, d]``.
    """
    if bf16.usable(q, k, v):
        return _apply(bf16.Attention, q.contiguous(), k.contiguous(), v.contiguous())
    if native.usable(q, k, v) and native.sgemm() is not None:
        return _apply(cpu.Attention, q.contiguous(), k.contiguous(), v.contiguous())
    grouped = q.shape[2] != k.shape[2]
    return F.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True, enable_gqa=grouped
    ).transpose(1, 2)


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """``x · weightᵀ`` with ``x`` ``[..., h]`` and ``weight`` ``[m, h]``."""
    return projections(x, weight)[0] if bf16.usable(x, weight) else F.linear(x, weight)


def projections(x: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
    """``x · weightᵀ`` for each weight ``[m, h]``, with ``x`` ``[..., h]``: queries, keys and values of one input."""
    if bf16.usable(x, *weights):
        in_bf16: tuple[Tensor, ...] = bf16.Projections.apply(x.contiguous(), *weights)
        return in_bf16
    if native.usable(x, *weights):
        products: tuple[Tensor, ...] = cpu.Projections.apply(x, *weights)
        return products
    return tuple(F.linear(x, weight) for weight in weights)


def swiglu(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """``(silu(x · gateᵀ) · (x · upᵀ)) · downᵀ`` with ``silu(z) = z / (1 + e^−z)`` (Shazeer 2020, arXiv 2002.05202).

    Parameters
    ----------
    x
        ``[..., h]``.
    gate, up
        ``[m, h]``.
    down
        ``[h, m]``.

    Returns
    -------
    Tensor
        ``[..., h]``.
    """
    if bf16.usable(x, gate, up, down):
        return _apply(bf16.SwiGLU, x.contiguous(), gate, up, down)
    if native.usable(x, gate, up, down):
        return _apply(cpu.SwiGLU, x.contiguous(), gate, up, down)
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Mean of ``−ln softmax(hidden · weightᵀ)[target]`` over rows, in nats, without the logits of a whole batch.

    Parameters
    ----------
    hidden
        ``[N, h]``, the decoder's last hidden states.
    weight
        ``[V, h]``, the output layer.
    targets
        ``[N]``, integers in ``[0, V)``.

    Returns
    -------
    Tensor
        A scalar of the type of ``weight``.
    """
    if liger.usable(hidden):
        return liger.liger_cross_entropy(hidden, weight, targets)
    if bf16.usable(hidden, weight):
        return bf16.linear_cross_entropy(hidden, weight, targets)
    loss = cpu.softmax_loss if native.usable(weight) else softmax_loss
    return linear_cross_entropy(hidden, weight, targets, loss)


def cautious_adamw(
    weights: list[Tensor],
    gradients: list[Tensor],
    m: list[Tensor],
    v: list[Tensor],
    step: Tensor,
    **settings: Any,
) -> None:
    """One cautious AdamW step in place; arguments as for ``relscale.training.cautious.cautious_adamw``."""
    kernel = cpu_cautious if cpu_cautious.usable(weights, gradients) else cautious
    kernel.cautious_adamw(weights, gradients, m, v, step, **settings)


def _apply(function: type[torch.autograd.Function], *arguments: Tensor | float) -> Tensor:
    """The single tensor that a function returns, with its type, which torch does not declare."""
    result: Tensor = function.apply(*arguments)
    return result


class _RMSNorm(torch.autograd.Function):
    """On a processor the gradient that torch derives for ``F.rms_norm`` passes over memory 12 times, this one 4."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        wide = x.to(torch.promote_types(x.dtype, weight.dtype))
        norm = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
        scale = norm.square_().div_(x.shape[-1]).add_(EPSILON).rsqrt_()
        ctx.save_for_backward(x, scale, weight)
        normed: Tensor = (wide * scale).mul_(weight).to(x.dtype)
        return normed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        # With x̂ = scale·x and g the incoming gradient: dw = Σ g·x̂, dx = scale · (g·w − x̂ · mean(g·w·x̂)).
        x, scale, weight = ctx.saved_tensors
        wide, gradient = x.to(scale.dtype), gradient.to(scale.dtype)
        product = (wide * scale).mul_(gradient)
        projection = (product @ weight).unsqueeze_(-1).mul_(scale).div_(-x.shape[-1])
        grad_x = (gradient * weight).addcmul_(wide, projection).mul_(scale)
        return grad_x.to(x.dtype), product.flatten(0, -2).sum(0)


class _Rotary(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _rotated(x, cos, sin, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        # The transpose of a rotation rotates back.
        cos, sin = ctx.saved_tensors
        return _rotated(gradient, cos, sin, -1), None, None


def _rotated(x: Tensor, cos: Tensor, sin: Tensor, direction: int) -> Tensor:
    return (x * cos).addcmul_(x.roll(x.shape[-1] // 2, -1), sin, value=direction).to(x.dtype)
