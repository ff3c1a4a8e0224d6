"""The gated unit of SwiGLU (Shazeer 2020, arXiv 2002.05202) with its gradient written out."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from relscale.training import native


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """``silu(gate) · up``, where ``silu(x) = x / (1 + e^−x)``; all ``[..., m]``."""
    if native.usable(gate, up):
        return _SwiGLU.apply(gate.contiguous(), up.contiguous())
    return F.silu(gate) * up


class _SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        y = torch.empty_like(gate)
        native.call("swiglu", gate.numel(), gate, up, y)
        ctx.save_for_backward(gate, up)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        grad_gate, grad_up = torch.empty_like(gate), torch.empty_like(up)
        native.call("swiglu_gradient", gate.numel(), gate, up, gradient.contiguous(), grad_gate, grad_up)
        return grad_gate, grad_up
