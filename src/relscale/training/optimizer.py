"""The base class of the optimizers: torch's, without its compiler."""

from inspect import unwrap

import torch


class Optimizer(torch.optim.Optimizer):
    """torch's optimizer, whose bookkeeping does not import torch's compiler.

    torch marks these methods as not to be compiled, for which the first call imports ``torch._dynamo``: half of the
    imports of a training. Only layers are compiled here, so the unmarked methods are used.
    """

    add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
    load_state_dict = unwrap(torch.optim.Optimizer.load_state_dict)
    state_dict = unwrap(torch.optim.Optimizer.state_dict)
    zero_grad = unwrap(torch.optim.Optimizer.zero_grad)
