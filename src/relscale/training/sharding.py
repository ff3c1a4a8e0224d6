"""Tensors of which several devices hold a share each: made whole, dealt out, and the share of this device.

Plain tensors go through as they are. What shares are made of is imported where there are some: it takes seconds.
"""

from typing import Any

from torch import Tensor


def is_shared(value: Any) -> bool:
    """Whether this is a tensor that devices share."""
    return hasattr(value, "full_tensor")


def whole(value: Any, keep: bool) -> Any:
    """A nested state with every shared tensor whole; all devices ask together.

    Whoever is to ``keep`` it has it in the processor's memory, one tensor after another; the others have None.
    """
    if isinstance(value, dict):
        return {key: whole(item, keep) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(whole(item, keep) for item in value)
    if not is_shared(value):
        return value
    gathered = value.full_tensor()
    return gathered.cpu() if keep else None


def shared_like(value: Any, parameter: Tensor) -> Any:
    """A whole tensor of a parameter's shape dealt out as the parameter is; anything else as it is."""
    if not is_shared(parameter) or not isinstance(value, Tensor) or value.shape != parameter.shape:
        return value
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(parameter, DTensor)
    return distribute_tensor(value.to(parameter.device), parameter.device_mesh, parameter.placements)


def number(value: Tensor) -> Tensor:
    """A number that was computed from shared tensors, the same on all devices."""
    return value.full_tensor() if is_shared(value) else value  # type: ignore[attr-defined]


def share(value: Tensor) -> Tensor:
    """This device's share of a tensor, in the same memory."""
    return value.to_local() if is_shared(value) else value  # type: ignore[attr-defined]


def summed(value: Tensor, over: Tensor) -> Tensor:
    """The sum of ``value`` over the devices that share the tensor ``over``."""
    if is_shared(over):
        from torch.distributed import all_reduce

        all_reduce(value, group=over.device_mesh.get_group())  # type: ignore[attr-defined]
    return value
