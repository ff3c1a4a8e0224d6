"""Groups of weights: with and without weight decay, and with separate learning rates."""

from typing import Any

from torch import nn

from relscale.design.run import Hyperparameters


def decay_groups(model: nn.Module, hyperparameters: Hyperparameters) -> list[dict[str, Any]]:
    """Parameter groups: the matrices that multiply hidden states are decayed, norms and the input embedding are not.

    The default mask of Levanter, the trainer of arXiv 2510.24626. The output layer is a separate group, for optimizers
    that treat it differently. ``scale`` is the group's learning rate relative to that of the matrices.
    """
    h = hyperparameters
    vector_rate = h.learning_rate if h.vector_learning_rate is None else h.vector_learning_rate
    decayed, output, undecayed = [], [], []
    for name, parameter in model.named_parameters():
        if name.startswith("lm_head."):
            output.append(parameter)
        elif parameter.ndim > 1 and not name.startswith("embed_tokens."):
            decayed.append(parameter)
        else:
            undecayed.append(parameter)
    return [
        {"params": decayed, "weight_decay": h.weight_decay, "scale": 1.0},
        {"params": output, "weight_decay": h.weight_decay, "scale": 1.0, "output_layer": True},
        {"params": undecayed, "weight_decay": 0.0, "scale": vector_rate / h.learning_rate},
    ]
