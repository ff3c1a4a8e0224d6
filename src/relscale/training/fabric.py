"""Lightning Fabric: the processes and devices that train a run; a single device is the simplest case.

On several devices Fabric starts a process for each, or connects those that ``torchrun`` or Slurm's ``srun`` started.
Fabric is imported here, for the whole package, without what its import loads and nothing uses.
"""

import logging
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from relscale.errors import RelscaleError
from relscale.training.cpu import bf16
from relscale.training.fabric_imports import unused_left_out
from relscale.training.processes import started_outside

with unused_left_out():
    from lightning_fabric import Fabric
    from lightning_fabric.loggers import CSVLogger, Logger, TensorBoardLogger
    from lightning_fabric.plugins import MixedPrecision, Precision
    from lightning_fabric.plugins.environments import LightningEnvironment
    from lightning_fabric.strategies import DDPStrategy, ModelParallelStrategy, SingleDeviceStrategy

__all__ = [
    "CSVLogger",
    "Fabric",
    "Logger",
    "TensorBoardLogger",
    "any_device",
    "fabric_precision",
    "is_sharding",
    "launch",
]

for _name in ("lightning_fabric", "lightning.fabric", "lightning.pytorch"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def launch(strategy: str = "single", devices: int = 1, nodes: int = 1) -> Fabric:
    """Launch Fabric on a number of devices, with one process per device.

    Parameters
    ----------
    strategy
        ``single``: this machine's GPU, else its processor. ``ddp``: each device has all weights. ``fsdp``: each has a
        shard of them (FSDP2).
    devices, nodes
        Total numbers.

    Raises
    ------
    RelscaleError
        There are fewer GPUs, or the devices are on several nodes and their processes have not been started.
    """
    gpus = torch.cuda.device_count()
    per_node = devices // nodes
    if gpus and per_node > gpus:
        raise RelscaleError(f"training.devices: {per_node} per node, but this node has {gpus} GPUs")
    outside = started_outside(devices)
    if nodes > 1 and not outside:
        raise RelscaleError(
            f"{devices} devices on {nodes} nodes: start one process per device with srun or torchrun"
        )
    fabric = Fabric(
        accelerator="cuda" if gpus else "cpu",
        devices=per_node,
        num_nodes=nodes,
        strategy=_strategy(strategy, devices, gpus),
        plugins=[] if outside else [LightningEnvironment()],
    )
    fabric.launch()
    return fabric


def is_sharding(fabric: Fabric) -> bool:
    """Whether each device has a shard of the weights."""
    return isinstance(fabric.strategy, ModelParallelStrategy)


def any_device(fabric: Fabric, flag: bool) -> bool:
    """Whether any device raises a flag; a collective call that synchronises the accelerator."""
    return fabric.strategy.reduce_boolean_decision(flag, all=False)


def fabric_precision(precision: str, device: torch.device, compiled: bool = False) -> Precision:
    """Fabric's plugin for ``float32`` or ``bf16``: weights stay float32, and bf16 is that of the kernels, or autocast.

    The precision differs between runs, while the runs of a job share a Fabric.
    """
    if precision != "bf16":
        return Precision()
    if device.type == "cpu" and not compiled and bf16.available():
        return KernelPrecision()
    return MixedPrecision("bf16-mixed", device.type)


class KernelPrecision(Precision):
    """Precision plugin: products in bf16 by the kernels of ``relscale.training.cpu.bf16``."""

    def forward_context(self) -> AbstractContextManager[None]:
        """Context in which matrix products are in bf16."""
        return bf16.bf16_products()


def _strategy(name: str, devices: int, gpus: int) -> Any:
    if name == "single":
        return SingleDeviceStrategy("cuda:0" if gpus else "cpu")
    if name == "ddp":
        return DDPStrategy()
    return ModelParallelStrategy(_shard, data_parallel_size=devices, tensor_parallel_size=1)


def _shard(model: "nn.Module", mesh: Any) -> "nn.Module":
    """FSDP2: weights, gradients and moments sharded, and gathered layer by layer."""
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    for layer in model.layers:  # type: ignore[union-attr]
        fully_shard(layer, mesh=mesh["data_parallel"])
    fully_shard(model, mesh=mesh["data_parallel"])
    register_fsdp_forward_method(model, "loss")
    return model
