"""The cautious AdamW step (Liang et al. 2024, arXiv 2411.16085) by torch's fused kernels.

A step passes over a tensor twice, because the share of unmasked coordinates must be known before the update. The first
pass takes a bundle of tensors, or pieces of large ones, through all of its operations while a CPU's cache holds them,
and stores the masked update in place of the gradient; this takes 9 passes over memory, where AdamW takes 7.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from relscale.training.fused import fused_adamw
from relscale.training.sharding import is_sharded, local_shard, sum_over_shards

SMALLEST_SHARE = 1e-3  # as in Liang et al.'s code: a tensor's update grows at most a thousandfold
BUNDLE = 2**17  # elements worked on at a time
GPU_BUNDLE = 2**26  # on a GPU: few kernels, and no more than 256 MB of updates


def cautious_adamw(
    weights: list[Tensor],
    gradients: list[Tensor],
    m: list[Tensor],
    v: list[Tensor],
    step: Tensor,
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    decay: float,
) -> None:
    """One cautious AdamW step in place, with decoupled decay ``lr·decay``; arguments as for ``fused_adamw``.

    With Adam's update u, tensor by tensor: ``w ← w·(1 − lr·decay) − lr·u·k / max(mean(k), 1e-3)``, ``k = [u·g > 0]``.
    The gradients are left as ``u·k``.
    """
    first_weight, sizes = weights[0], [weight.numel() for weight in weights]
    if is_sharded(first_weight):  # then the sizes are those of whole tensors
        weights, gradients, m, v = (
            [local_shard(tensor) for tensor in column] for column in (weights, gradients, m, v)
        )
    kept_counts: list[list[Tensor]] = [[] for _ in weights]
    for bundle in _bundles(gradients, m, v):
        owners, part, first, second = bundle
        # AdamW's own kernel, at learning rate −1 from 0, gives u.
        update = [torch.zeros_like(g) for g in part]
        fused_adamw(update, part, first, second, step, lr=-1.0, betas=betas, eps=eps, decay=0.0)
        # In the gradient's place: u·g, then k, then u·k.
        torch._foreach_mul_(part, update)
        for owner, g in zip(owners, part, strict=True):
            kept_counts[owner].append(g.gt_(0).sum())
        torch._foreach_mul_(part, update)
    counts = sum_over_shards(
        torch.stack([torch.stack(parts).sum() for parts in kept_counts]), of=first_weight
    )
    move = _move_on_host if counts.device.type == "cpu" else _move_on_device
    move(weights, gradients, counts, sizes, lr, decay)


def _move_on_host(
    weights: list[Tensor], updates: list[Tensor], mask: Tensor, sizes: list[int], lr: float, decay: float
) -> None:
    """``w ← w·(1 − lr·decay) − lr·update / share`` in one pass, by a kernel that takes numbers."""
    for weight, update, count, size in zip(weights, updates, mask.tolist(), sizes, strict=True):
        part = max(count / size, SMALLEST_SHARE)
        # SGD's own kernel: w ← w − lr·(g + weight_decay·w)
        torch._fused_sgd_(
            [weight],
            [update],
            [],
            lr=lr / part,
            weight_decay=decay * part,
            momentum=0.0,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
        )


def _move_on_device(
    weights: list[Tensor], updates: list[Tensor], mask: Tensor, sizes: list[int], lr: float, decay: float
) -> None:
    """The same for an accelerator, without waiting for the shares to be copied to the host."""
    if decay:
        torch._foreach_mul_(weights, 1 - lr * decay)
    counts = mask.to(updates[0].dtype).unbind()
    shares = torch._foreach_clamp_min(
        torch._foreach_div(counts, [float(size) for size in sizes]), SMALLEST_SHARE
    )
    torch._foreach_mul_(updates, torch._foreach_mul(torch._foreach_reciprocal(shares), lr))
    torch._foreach_sub_(weights, updates)


def _bundles(*columns: list[Tensor]) -> Iterator[list[list[Any]]]:
    """Lists of the tensor's index and of each column's tensors or pieces, of about ``BUNDLE`` elements per column."""
    size = BUNDLE if columns[0][0].device.type == "cpu" else GPU_BUNDLE
    bundle: list[tuple[Any, ...]] = []
    room = size
    for index, tensors in enumerate(zip(*columns, strict=True)):
        for piece in zip(*map(_pieces, tensors), strict=True):
            if bundle and room < piece[0].numel():
                yield [list(column) for column in zip(*bundle, strict=True)]
                bundle, room = [], size
            bundle.append((index, *piece))
            room -= piece[0].numel()
    yield [list(column) for column in zip(*bundle, strict=True)]


def _pieces(tensor: Tensor) -> tuple[Tensor, ...]:
    """The tensor, or flat views of ``BUNDLE`` elements if it is larger and on a CPU."""
    if tensor.numel() <= BUNDLE or tensor.device.type != "cpu":
        return (tensor,)
    views: tuple[Tensor, ...] = tensor.view(-1).split(BUNDLE)
    return views
