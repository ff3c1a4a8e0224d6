"""Which weights decay."""

from typing import Any

from torch import nn


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups: the matrices that multiply hidden states decay, norms and the input embedding do not.

    The default mask of Levanter, the trainer of arXiv 2510.24626. The output layer is a group of its own, for
    optimizers that treat it apart.
    """
    decayed, output, kept = [], [], []
    for name, parameter in model.named_parameters():
        if name.startswith("lm_head."):
            output.append(parameter)
        elif parameter.ndim > 1 and not name.startswith("embed_tokens."):
            decayed.append(parameter)
        else:
            kept.append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": output, "weight_decay": weight_decay, "output_layer": True},
        {"params": kept, "weight_decay": 0.0},
    ]
