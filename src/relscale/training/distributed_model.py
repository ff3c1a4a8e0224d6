"""A decoder and its optimizer on the devices of a Fabric."""

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from relscale.design.run import Hyperparameters
from relscale.to_device import to_device
from relscale.training.cpu import bf16
from relscale.training.fabric import Fabric, fabric_precision, is_sharding
from relscale.training.model import Decoder
from relscale.training.optimizers import build_optimizer
from relscale.training.sharding import gather, shard_like


class DistributedModel:
    """A decoder and its optimizer, set up by Fabric; the weights stay float32.

    Parameters
    ----------
    decoder
        The model, the same on every device.
    hyperparameters
        The optimizer and its settings.
    fabric
        The devices.
    precision
        ``float32``, or ``bf16``: matrix products in bfloat16, by the kernels if they support it, else by autocast.
    compiled
        Whether layers are compiled.
    recomputed
        Whether layers are recomputed in the backward pass, so that only their inputs are kept.

    Attributes
    ----------
    module
        The decoder as Fabric wraps it.
    """

    def __init__(
        self,
        decoder: Decoder,
        hyperparameters: Hyperparameters,
        fabric: Fabric,
        precision: str = "float32",
        *,
        compiled: bool = False,
        recomputed: bool = False,
    ) -> None:
        self.decoder, self.fabric = decoder.to(fabric.device), fabric
        self.precision = fabric_precision(precision, fabric.device, compiled)
        if recomputed:
            for layer in decoder.layers:
                layer.forward = partial(
                    checkpoint, layer.forward, use_reentrant=False, context_fn=bf16.same_products
                )
        if compiled and is_sharding(fabric):  # sharding gathers weights between layers
            for layer in decoder.layers:
                layer.compile()
        elif compiled:  # all but the output layer, whose fused loss gains nothing
            decoder.hidden = torch.compile(decoder.hidden)  # type: ignore[method-assign]
        self.module = fabric.setup_module(decoder)
        self.module.mark_forward_method("loss")
        optimizer = build_optimizer(decoder, hyperparameters)
        self.optimizer: torch.optim.Optimizer = fabric.setup_optimizers(optimizer)  # type: ignore[assignment]

    def loss(self, tokens: Tensor) -> Tensor:
        """Mean nats per token of sequences ``[B, T + 1]`` of this device."""
        loss: Tensor = self.module.loss(to_device(tokens, self.fabric.device))
        return loss

    def weights(self) -> dict[str, Tensor]:
        """The weights by name, gathered on the first device; a collective call."""
        weights: dict[str, Tensor] = gather(self.decoder.state_dict(), self.fabric.is_global_zero)
        return weights

    def state_dict(self) -> dict[str, Any]:
        """Weights and optimizer state, gathered on the first device; a collective call."""
        state = gather(self.optimizer.state_dict(), self.fabric.is_global_zero)
        return {"model": self.weights(), "optimizer": state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load the result of ``state_dict``, on any devices."""
        current = self.decoder.state_dict()
        self.decoder.load_state_dict(
            {name: shard_like(value, current[name]) for name, value in state["model"].items()}
        )
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        moments = {
            index: {name: shard_like(value, parameters[index]) for name, value in values.items()}
            for index, values in state["optimizer"]["state"].items()
        }
        self.optimizer.load_state_dict({**state["optimizer"], "state": moments})
