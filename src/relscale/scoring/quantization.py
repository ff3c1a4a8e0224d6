"""Simulated weight-only quantization to 8 or 4 bits, on any device.

The weights of every linear layer except the output matrix are rounded to integers and scaled back; products have the
number format of the scoring. Results are those of weight-only quantization, without its speed and memory. Linear
layers are those of torch, and GPT-2's, whose matrices are transposed.

    int8: w' = s · round(w / s), s = max |w| / 127 over an output channel
    int4: the same with 7 in place of 127, over groups of 32 weights of an output channel

torchao is not used: its int4 (0.18 with torch 2.13) needs a further library on a processor, and its int8
uses a different scale (closer to 127.5 than to 127).
"""

from typing import Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from relscale.errors import RelscaleError

Quantization = Literal["none", "int8", "int4"]
GROUP = 32  # weights per scale, int4


def quantize(model: PreTrainedModel, quantization: Quantization) -> None:
    """Round the weights of a model's linear layers in place, except those of the output and of embeddings.

    Raises
    ------
    RelscaleError
        The weights are quantized already, or most of them are in other layers, such as fused experts.
    """
    if quantization == "none":
        return
    location = f"{model.name_or_path}: scoring.quantization: {quantization}"
    if getattr(model.config, "quantization_config", None) is not None:
        raise RelscaleError(f"{location}: its weights are quantized already; set none")
    head = model.get_output_embeddings()
    done, excluded = set[int](), set[int]()
    for module in model.modules():
        if module is head or isinstance(module, nn.Embedding):
            excluded |= set(map(id, module.parameters()))
        elif isinstance(module, nn.Linear):
            module.weight.data = rounded(module.weight.data, quantization)
            done.add(id(module.weight))
        elif isinstance(module, Conv1D):
            module.weight.data = rounded(module.weight.data.t(), quantization).t().contiguous()
            done.add(id(module.weight))
    matrices = [
        parameter for parameter in model.parameters() if parameter.ndim > 1 and id(parameter) not in excluded
    ]
    remaining = sum(matrix.numel() for matrix in matrices if id(matrix) not in done)
    if 2 * remaining > sum(matrix.numel() for matrix in matrices):
        raise RelscaleError(
            f"{location}: most of its weights are not in linear layers and would not be quantized; set none"
        )


def rounded(weight: Tensor, quantization: Literal["int8", "int4"]) -> Tensor:
    """A matrix ``[outputs, inputs]`` with its values rounded; the last group of a row may be shorter."""
    if quantization == "int8":
        return _rounded(weight, 127)
    return torch.cat([_rounded(part, 7) for part in weight.split(GROUP, dim=1)], dim=1)


def _rounded(weight: Tensor, most: int) -> Tensor:
    """Each row rounded to integers from −most to most, times its scale."""
    scale = weight.abs().amax(dim=1, keepdim=True).float() / most
    quantized = (weight.float() / torch.where(scale > 0, scale, 1)).round()
    return (quantized * scale).to(weight.dtype)
