"""The base of this package's optimizers: torch's, none of it compiled."""

from inspect import unwrap

import torch


class Optimizer(torch.optim.Optimizer):
    """torch's optimizer, whose bookkeeping does not import torch's compiler.

    torch marks these methods as not to be compiled, and imports ``torch._dynamo`` to say so when one of them is first
    called: half of what a training imports. Only layers are compiled here, so the methods beneath the mark do.
    """

    add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
    load_state_dict = unwrap(torch.optim.Optimizer.load_state_dict)
    state_dict = unwrap(torch.optim.Optimizer.state_dict)
    zero_grad = unwrap(torch.optim.Optimizer.zero_grad)
