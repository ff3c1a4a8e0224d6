"""AdamW's step as one kernel of torch's, with the same arguments as ``relscale.training.cautious``."""

import torch
from torch import Tensor

from relscale.training.sharding import local_shard


def fused_adamw(
    weights: list[Tensor],
    gradients: list[Tensor],
    m: list[Tensor],
    v: list[Tensor],
    step: Tensor,
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    decay: float,
) -> None:
    """One AdamW step in place, with decoupled decay ``lr·decay``.

    Parameters
    ----------
    weights, gradients, m, v
        Tensors of one device, in the same order. Of sharded tensors, this device updates its shard.
    step
        A scalar on that device: 1 for the first step.
    """
    torch._fused_adamw_(
        [local_shard(weight) for weight in weights],
        [local_shard(gradient) for gradient in gradients],
        [local_shard(moment) for moment in m],
        [local_shard(moment) for moment in v],
        [],
        [step] * len(m),
        lr=lr,
        beta1=betas[0],
        beta2=betas[1],
        weight_decay=decay,
        eps=eps,
        amsgrad=False,
        maximize=False,
    )
