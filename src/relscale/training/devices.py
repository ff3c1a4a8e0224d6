"""The processes and devices that train a run together.

One device needs nothing of this but its name. On several, Lightning Fabric starts a process for each, or finds those
that ``torchrun`` or Slurm's ``srun`` started, and connects them.
"""

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from relscale.errors import RelscaleError

if TYPE_CHECKING:  # both take seconds to import, and a job that finds all its runs trained needs neither
    import torch
    from lightning.fabric import Fabric
    from torch import Tensor, nn

T = TypeVar("T")


@dataclass(frozen=True)
class Devices:
    """The devices of a job, of which this process drives one.

    Attributes
    ----------
    strategy
        ``single``; ``ddp``: each has all weights; ``fsdp``: each has a share of them.
    device
        This process's.
    rank, count
        Its number, from 0, and how many there are.
    fabric
        What connects them where there are several.
    """

    strategy: str
    device: "torch.device"
    rank: int = 0
    count: int = 1
    fabric: "Fabric | None" = None

    def mean(self, value: "Tensor") -> "Tensor":
        """Mean over all devices of a number that each has."""
        return self._reduced(value, "mean")

    def any(self, *flags: bool) -> list[bool]:
        """Of each flag whether some device raises it."""
        if self.fabric is None:
            return list(flags)
        import torch

        raised = torch.tensor(flags, dtype=torch.float32, device=self.device)
        return [flag > 0 for flag in self._reduced(raised, "sum").tolist()]

    def _reduced(self, value: "Tensor", how: str) -> "Tensor":
        if self.fabric is None:
            return value
        reduced: Tensor = self.fabric.all_reduce(value, reduce_op=how)  # type: ignore[assignment]
        return reduced

    def told(self, value: T) -> T:
        """What the first device says."""
        return value if self.fabric is None else self.fabric.broadcast(value)


def one_device() -> Devices:
    """This machine's GPU, else its processor."""
    import torch

    return Devices("single", torch.device("cuda" if torch.cuda.is_available() else "cpu"))


def one_of_several(count: int) -> bool:
    """Whether this process was started as one of ``count``: by the first of them, by torchrun or by srun."""
    return count > 1 and ("LOCAL_RANK" in os.environ or os.environ.get("SLURM_NTASKS") == str(count))


def connect(strategy: str, count: int, nodes: int = 1) -> Devices:
    """So many devices; where there are several, a process is there for each from here on.

    Raises
    ------
    RelscaleError
        There are fewer, or they are on several nodes and nothing has started a process for each.
    """
    if strategy == "single":
        return one_device()
    import torch

    gpus = torch.cuda.device_count()
    here = count // nodes
    if gpus and here > gpus:
        raise RelscaleError(f"training.devices: {here} on a node, which has {gpus} GPUs")
    from lightning.fabric import Fabric
    from lightning.fabric.plugins.environments import LightningEnvironment
    from lightning.fabric.strategies import DDPStrategy, ModelParallelStrategy

    for name in ("lightning.fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
    parallel = (
        DDPStrategy()
        if strategy == "ddp"
        else ModelParallelStrategy(_shard, data_parallel_size=count, tensor_parallel_size=1)
    )
    # A Slurm job of another number of tasks runs several programs, of which this is one.
    found = one_of_several(count) and ("TORCHELASTIC_RUN_ID" in os.environ or "SLURM_NTASKS" in os.environ)
    if nodes > 1 and not found:
        raise RelscaleError(
            f"{count} devices on {nodes} nodes: start a process for each, by srun or torchrun"
        )
    fabric = Fabric(
        accelerator="cuda" if gpus else "cpu",
        devices=here,
        num_nodes=nodes,
        strategy=parallel,
        plugins=[] if found else [LightningEnvironment()],
    )
    fabric.launch()
    return Devices(strategy, fabric.device, fabric.global_rank, fabric.world_size, fabric)


def _shard(model: "nn.Module", mesh: Any) -> "nn.Module":
    """Weights, gradients and moments dealt out, gathered layer by layer: FSDP2."""
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    for layer in model.layers:  # type: ignore[union-attr]
        fully_shard(layer, mesh=mesh["data_parallel"])
    fully_shard(model, mesh=mesh["data_parallel"])
    register_fsdp_forward_method(model, "loss")
    return model
