"""AdamW (Loshchilov & Hutter 2017, arXiv 1711.05101): torch's own, fused."""

from inspect import unwrap

import torch
from torch import nn

from relscale.design.run import Hyperparameters
from relscale.training.decay_groups import decay_groups
from relscale.training.optimizer import Optimizer


class AdamW(Optimizer, torch.optim.AdamW):
    """torch's AdamW, which does not import torch's compiler."""

    step = torch.no_grad()(unwrap(torch.optim.AdamW.step))


def build(model: nn.Module, hyperparameters: Hyperparameters) -> AdamW:
    """AdamW over a model's parameters, with the weight decay of ``decay_groups``."""
    h = hyperparameters
    groups = decay_groups(model, h)
    return AdamW(groups, lr=h.learning_rate, betas=(h.beta1, h.beta2), eps=h.epsilon, fused=True)
