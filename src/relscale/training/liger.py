"""Liger Kernel's fused output layer and cross-entropy, on GPUs, if installed (``pip install relscale[gpu]``).

Not tested on a GPU.
"""

from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor


def usable(hidden: Tensor) -> bool:
    """Whether the kernels are installed and the tensor is on a GPU."""
    return hidden.is_cuda and _installed()


def liger_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """As ``relscale.training.cross_entropy.linear_cross_entropy``; sums over chunks are float32."""
    loss: Tensor = _kernel()(weight, hidden, targets)
    return loss


@cache
def _installed() -> bool:
    return find_spec("liger_kernel") is not None


@cache
def _kernel() -> Any:
    from liger_kernel.transformers.fused_linear_cross_entropy import LigerFusedLinearCrossEntropyLoss

    return LigerFusedLinearCrossEntropyLoss(accum_dtype=torch.float32)
