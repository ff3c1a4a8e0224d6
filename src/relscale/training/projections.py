"""Several linear maps of the same input, as queries, keys and values are."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from relscale.training import native


def project(x: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
    """``x · weightᵀ`` for each weight ``[m, h]``, of ``x`` ``[..., h]``.

    On a CPU the parts of the input's gradient are summed by the matrix products themselves.
    """
    if native.usable(x, *weights):
        return _Project.apply(x, *weights)
    return tuple(F.linear(x, weight) for weight in weights)


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(x, *weights)
        return tuple(F.linear(x, weight) for weight in weights)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        x, *weights = ctx.saved_tensors
        rows, gradients = x.flatten(0, -2), tuple(gradient.flatten(0, -2) for gradient in gradients)
        grad_x = gradients[0] @ weights[0]
        for gradient, weight in zip(gradients[1:], weights[1:], strict=True):
            grad_x.addmm_(gradient, weight)
        return grad_x.view_as(x), *(gradient.t() @ rows for gradient in gradients)
