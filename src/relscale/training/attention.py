"""Causal attention that computes no score of a later key.

By blocks of 64 queries: their products with the keys up to the block's last, softmax, and the weighted sum of values.
The scores are computed again for the gradient, from the logarithm of each row's sum, as in FlashAttention-2 (Dao 2023,
arXiv 2307.08691). torch's own kernel for a CPU goes by the same blocks; its products of that size are half as fast.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from relscale.training import native

BLOCK = 64  # as in native.c


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """``softmax(q · kᵀ / √d) · v``, each query over the keys up to its own position.

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
    if native.usable(q, k, v) and native.sgemm() is not None:
        return _CausalAttention.apply(q.contiguous(), k.contiguous(), v.contiguous())
    grouped = q.shape[2] != k.shape[2]
    return F.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True, enable_gqa=grouped
    ).transpose(1, 2)


class _CausalAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        batch, length, heads, size = q.shape
        y, logsums = torch.empty_like(q), q.new_empty(batch, heads, length)
        shape = (batch, length, heads, k.shape[2], size)
        native.call("attention", native.sgemm(), *shape, q, k, v, y, logsums, q.new_empty(BLOCK, length))
        ctx.save_for_backward(q, k, v, y, logsums)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v, y, logsums = ctx.saved_tensors
        batch, length, heads, size = q.shape
        gradients = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        shape = (batch, length, heads, k.shape[2], size)
        arguments = (q, k, v, y, logsums, gradient.contiguous(), *gradients, q.new_empty(2 * BLOCK, length))
        native.call("attention_gradient", native.sgemm(), *shape, *arguments)
        return gradients
