"""The gradient noise scale: how many sequences a batch needs before its gradient is more signal than noise.

The gradients of a batch's micro-batches, each the mean over ``b`` sequences, estimate the squared norm of the true
gradient and the trace of the covariance of a sequence's, both without bias, from K ≥ 2 of them:

    |G|² = (|Σg|² − Σ|g|²) / (K (K − 1))          tr Σ = b (Σ|g|² − |Σg|²/K) / (K − 1)

They vary much from step to step, and |G|² of one step may be negative: both are smoothed first, and divided last.

    noise scale = tr Σ / |G|²                      sequences (McCandlish et al. 2018, arXiv 1812.06162)
    norm test   = tr Σ / (η² (|G|² + tr Σ / B))    sequences that AdAdaGrad would ask for at batch B
                                                   (Lau et al. 2024, arXiv 2402.11215)

The noise scale is no critical batch: the two differ by a factor that is measured, by training at several batches.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from relscale.training.fabric import Fabric
from relscale.training.micro_batches import largest_divisor

PARTS = 4  # micro-batches of a batch that is not divided anyway


@dataclass(frozen=True, slots=True)
class GradientMoments:
    """What a batch says of the gradient, before clipping.

    Attributes
    ----------
    norm_squared
        |G|², of the true gradient; an unbiased estimate, which may be negative.
    variance
        tr Σ, of the gradient of one sequence.
    """

    norm_squared: Tensor | float
    variance: Tensor | float


def gradient_moments(
    sum_squared: Tensor | float, squares: Tensor | float, count: int, size: int
) -> GradientMoments:
    """Both estimates, from the gradients of micro-batches.

    Parameters
    ----------
    sum_squared, squares
        |Σg|² and Σ|g|² over them.
    count, size
        How many there are, at least two, and of how many sequences each is the mean.
    """
    return GradientMoments(
        (sum_squared - squares) / (count * (count - 1)), size * (squares - sum_squared / count) / (count - 1)
    )


class MicroBatchGradients:
    """The squared norms of the gradients of micro-batches, each seen on its way into the sum of all.

    A hook sees what one backward pass gives a parameter, before it is added up, and on several devices before it is
    exchanged.
    """

    def __init__(self, parameters: Sequence[Tensor], count: int) -> None:
        """Of so many micro-batches a device, whose losses are divided by ``count`` before they are added up."""
        self.parameters, self.count = parameters, count
        self.squares = torch.zeros(())
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        self._hooks = [parameter.register_hook(self._add) for parameter in self.parameters]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _add(self, gradient: Tensor) -> None:
        self.squares = self.squares.to(gradient.device) + gradient.detach().float().square().sum()

    def moments(self, size: int, fabric: Fabric) -> GradientMoments:
        """The estimates from the micro-batches of all devices, of ``size`` sequences each.

        The parameters have the gradient of the whole batch already.
        """
        count = self.count * fabric.world_size
        squares: Tensor = fabric.all_reduce(self.count**2 * self.squares, reduce_op="sum")  # type: ignore[assignment]
        mean = [parameter.grad.float() for parameter in self.parameters if parameter.grad is not None]
        return gradient_moments(count**2 * _squared(mean), squares, count, size)


def _squared(tensors: list[Tensor]) -> Tensor:
    return torch.stack(torch._foreach_norm(tensors)).square().sum()


def divided(share: int, micro_batch: int, fewest: int = PARTS) -> int:
    """The largest divisor of a device's share that is at most ``micro_batch`` and makes ``fewest`` parts of it.

    One sequence where the share has fewer.
    """
    return largest_divisor(share, min(micro_batch, max(1, share // fewest)))


def smoothed(values: Sequence[float], memory: float) -> list[float]:
    """Exponential means of the values so far; NaN, where nothing was measured, stays and is left out of the others.

    Weights are ``memory`` to the power of a value's age in measurements, and sum to 1.
    """
    total = weight = 0.0
    means = []
    for value in values:
        if math.isfinite(value):
            total, weight = memory * total + value, memory * weight + 1
            means.append(total / weight)
        else:
            means.append(math.nan)
    return means


def noise_scale(moments: GradientMoments) -> float:
    """Sequences at which a batch's gradient is as much noise as signal; NaN where no signal is seen."""
    signal, noise = float(moments.norm_squared), float(moments.variance)
    return noise / signal if signal > 0 else math.nan


def norm_test(moments: GradientMoments, batch_size: int, eta: float) -> float:
    """Sequences that the norm test asks for: its variance by η² times the squared norm of the batch's own gradient.

    Its fixed point is ``noise scale · (1 − η²) / η²``: from η = 1 on the batch never grows.
    """
    signal = float(moments.norm_squared) + float(moments.variance) / batch_size
    return float(moments.variance) / (eta**2 * signal) if signal > 0 else math.nan
