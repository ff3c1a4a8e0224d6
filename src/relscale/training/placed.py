"""A model in training on its devices, with its optimizer."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from relscale.design.run import Hyperparameters
from relscale.training.devices import Devices
from relscale.training.model import Decoder
from relscale.training.optimizers import build_optimizer
from relscale.training.sharding import gather, shard_like, to_scalar


class Placed:
    """A decoder and its optimizer on devices; the weights stay float32.

    Parameters
    ----------
    model
        The decoder, the same on every device.
    hyperparameters
        Which optimizer, and how.
    devices
        Where it is to lie.
    precision
        ``bf16``: matrix products in bfloat16 by autocast; else ``float32``.
    compiled
        Whether layers are compiled.
    recomputed
        Whether layers are computed again in the backward pass, so that only their inputs are kept.
    """

    def __init__(
        self,
        model: Decoder,
        hyperparameters: Hyperparameters,
        devices: Devices,
        precision: str,
        compiled: bool = False,
        recomputed: bool = False,
    ) -> None:
        self.model = model.to(devices.device)
        self.devices, self.precision = devices, precision
        if recomputed:
            for layer in model.layers:
                layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
        if compiled and devices.strategy == "fsdp":  # which gathers weights between layers
            for layer in model.layers:
                layer.compile()
        elif compiled:  # all but the output layer, whose fused loss is as fast as it gets
            model.hidden = torch.compile(model.hidden)  # type: ignore[method-assign]
        self.outer: Any = model
        if devices.fabric is not None:
            self.outer = devices.fabric.setup_module(model)
            self.outer.mark_forward_method("loss")
        self.optimizer = build_optimizer(model, hyperparameters)

    def loss(self, tokens: Tensor) -> Tensor:
        """Mean nats a token of sequences ``[B, T + 1]`` of this device."""
        loss: Tensor = self.outer.loss(tokens.to(self.devices.device))
        return loss

    def backward(self, pieces: Iterable[Tensor], count: int) -> Tensor:
        """Gradients of the mean loss of a batch, and that loss, in nats a token.

        Parameters
        ----------
        pieces
            This device's share of the batch, in ``count`` pieces of equal size: the mean of their losses is that of
            their tokens, and the mean over devices that of the batch.
        """
        total = torch.zeros((), device=self.devices.device)
        for index, tokens in enumerate(pieces):
            with self._until(index == count - 1):
                with self._autocast():
                    loss = self.loss(tokens) / count
                self._backward(loss)
            total += loss.detach()
        return self.devices.mean(total)

    def clip(self, largest: float) -> Tensor:
        """Scale the gradients so that their global norm is at most ``largest``; the norm before."""
        return to_scalar(torch.nn.utils.clip_grad_norm_(self.model.parameters(), largest))

    def state(self) -> dict[str, Any]:
        """Weights and the optimizer's state, whole on the first device; all devices ask together."""
        return {
            "model": self.weights(),
            "optimizer": gather(self.optimizer.state_dict(), self.devices.rank == 0),
        }

    def weights(self) -> dict[str, Tensor]:
        """The weights by their names, whole on the first device; all devices ask together."""
        weights: dict[str, Tensor] = gather(self.model.state_dict(), self.devices.rank == 0)
        return weights

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave, on whichever devices."""
        own = self.model.state_dict()
        self.model.load_state_dict(
            {name: shard_like(value, own[name]) for name, value in state["model"].items()}
        )
        parameters = [each for group in self.optimizer.param_groups for each in group["params"]]
        kept = {
            index: {name: shard_like(value, parameters[index]) for name, value in values.items()}
            for index, values in state["optimizer"]["state"].items()
        }
        self.optimizer.load_state_dict({**state["optimizer"], "state": kept})

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.precision == "bf16":
            return torch.autocast(self.devices.device.type, torch.bfloat16)
        return nullcontext()

    def _until(self, last: bool) -> AbstractContextManager[Any]:
        """Devices exchange gradients after the last piece only; where they share them, whole ones have no room."""
        if self.devices.fabric is None or self.devices.strategy == "fsdp":
            return nullcontext()
        return self.devices.fabric.no_backward_sync(self.outer, enabled=not last)

    def _backward(self, loss: Tensor) -> None:
        if self.devices.fabric is None:
            loss.backward()
        else:
            self.devices.fabric.backward(loss)
