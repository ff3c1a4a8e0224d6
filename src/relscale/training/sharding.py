"""Tensors that are sharded over several devices: gathered, distributed, and the shard of this device.

Plain tensors are returned unchanged. DTensor is imported only for sharded tensors, because that takes seconds.
"""

from typing import Any

from torch import Tensor


def is_sharded(value: Any) -> bool:
    """Whether this tensor is sharded over devices."""
    return hasattr(value, "full_tensor")


def gather(value: Any, keep: bool) -> Any:
    """A nested state with every sharded tensor gathered; a collective call.

    Devices with ``keep`` receive it in CPU memory, one tensor after another; the others get None.
    """
    if isinstance(value, dict):
        return {key: gather(item, keep) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(gather(item, keep) for item in value)
    if not is_sharded(value):
        return value
    gathered = value.full_tensor()
    return gathered.cpu() if keep else None


def shard_like(value: Any, parameter: Tensor) -> Any:
    """Shard a full tensor like the parameter of the same shape; anything else is unchanged."""
    if not is_sharded(parameter) or not isinstance(value, Tensor) or value.shape != parameter.shape:
        return value
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(parameter, DTensor)
    return distribute_tensor(value.to(parameter.device), parameter.device_mesh, parameter.placements)


def to_scalar(value: Tensor) -> Tensor:
    """The value of a scalar computed from sharded tensors, equal on all devices."""
    return value.full_tensor() if is_sharded(value) else value  # type: ignore[attr-defined]


def local_shard(value: Tensor) -> Tensor:
    """This device's shard of a tensor, as a view."""
    return value.to_local() if is_sharded(value) else value  # type: ignore[attr-defined]


def sum_over_shards(value: Tensor, of: Tensor) -> Tensor:
    """The sum of ``value`` over the devices with a shard of ``of``."""
    if is_sharded(of):
        from torch.distributed import all_reduce

        all_reduce(value, group=of.device_mesh.get_group())  # type: ignore[attr-defined]
    return value
