"""The cautious AdamW step by the kernels of ``native.c``: two passes over each tensor."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch
from torch import Tensor

from relscale.training.cautious import SMALLEST_SHARE
from relscale.training.cpu import native
from relscale.training.sharding import is_sharded

SMALLEST_THREADED = 2**18  # elements of a step; with fewer, threads take longer to wake than to work


def usable(weights: Sequence[Tensor], gradients: Sequence[Tensor]) -> bool:
    """Whether the kernels can take this step."""
    return (
        not is_sharded(weights[0])
        and native.supports(*weights)
        and all(tensor.is_contiguous() for tensor in (*weights, *gradients))
    )


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
    """As ``relscale.training.cautious.cautious_adamw``, with one tensor per thread; the number of threads does not
    change results.
    """
    number = step.item()

    def update(weight: Tensor, gradient: Tensor, first: Tensor, second: Tensor) -> None:
        count = weight.numel()
        n_agreeing = native.call("cautious_update", count, number, *betas, eps, gradient, first, second)
        share = max(n_agreeing / count, SMALLEST_SHARE)
        native.call("cautious_move", count, lr * decay, lr / share, gradient, weight)

    elements = sum(weight.numel() for weight in weights)
    threads = torch.get_num_threads() if elements >= SMALLEST_THREADED else 1
    apply = _pool(threads).map if threads > 1 else map
    for _ in apply(update, weights, gradients, m, v):  # an error in a thread is raised here
        pass


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "optimizer")
