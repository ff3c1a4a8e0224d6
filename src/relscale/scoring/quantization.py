"""Models with weights of 8 or 4 bits: what rounding them changes, on any device.

The weights of every linear layer but the output matrix are rounded to whole numbers and scaled back; products have the
number format of the scoring. These are the numbers of weight-only quantization, without its speed and memory.

    int8: w' = s · round(w / s), s = max |w| / 127 over an output channel
    int4: the same with 7 in place of 127, over groups of 32 weights of an output channel

torchao is not used: its int4 (0.18 with torch 2.13) does not run on a processor without a further library, and its int8
has another scale (127.5 comes closer to it than 127).
"""

from typing import Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

Quantization = Literal["none", "int8", "int4"]
GROUP = 32  # weights with a scale of their own, int4


def quantize(model: PreTrainedModel, quantization: Quantization) -> None:
    """Round the weights of a model's linear layers, in place; those of the output and of embeddings stay."""
    if quantization == "none":
        return
    head = model.get_output_embeddings()
    for module in model.modules():
        if isinstance(module, nn.Linear) and module is not head:
            module.weight.data = rounded(module.weight.data, quantization)


def rounded(weight: Tensor, quantization: Literal["int8", "int4"]) -> Tensor:
    """A matrix ``[outputs, inputs]`` with its values rounded; the last group of a row may be shorter."""
    if quantization == "int8":
        return _rounded(weight, 127)
    return torch.cat([_rounded(part, 7) for part in weight.split(GROUP, dim=1)], dim=1)


def _rounded(weight: Tensor, most: int) -> Tensor:
    """Each row as whole numbers from −most to most times its scale."""
    scale = weight.abs().amax(dim=1, keepdim=True).float() / most
    whole = (weight.float() / torch.where(scale > 0, scale, 1)).round()
    return (whole * scale).to(weight.dtype)
