"""The gradient noise scale: the batch size at which the gradient's signal equals its noise.

The gradients of a batch's micro-batches, each the mean over ``b`` sequences, estimate the squared norm of the true
gradient and the trace of the covariance of a sequence's, both without bias, from K ≥ 2 of them:

    |G|² = (|Σg|² − Σ|g|²) / (K (K − 1))          tr Σ = b (Σ|g|² − |Σg|²/K) / (K − 1)

They vary strongly from step to step, and |G|² of one step may be negative: both are smoothed before they are divided.

    noise scale        = tr Σ / |G|²                      sequences (McCandlish et al. 2018, arXiv 1812.06162)
    norm test          = tr Σ / (η² (|G|² + tr Σ / B))    sequences that AdAdaGrad requests at batch B
    inner-product test = V / (η² (|G|² + tr Σ / B))       (Lau et al. 2024, arXiv 2402.11215)

V is the variance of a sequence's gradient along the batch's gradient g alone. The test of the paper,
Var⟨∇ℓ, g⟩ / (η² |g|⁴), is this one, since |g|² has the mean |G|² + tr Σ / B. With g_k of b sequences,

    V = b Σ (⟨g_k, g⟩ − |g|²)² / ((K − 1) |g|²)

The noise scale is not the critical batch: the two differ by a factor that must be measured by training at several
batches.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from relscale.training.fabric import Fabric
from relscale.training.micro_batches import largest_divisor

PARTS = 4  # minimum number of micro-batches of a batch


@dataclass(frozen=True, slots=True)
class GradientMoments:
    """Estimated moments of the gradient, before clipping.

    Attributes
    ----------
    norm_squared
        |G|² of the true gradient; an unbiased estimate, which can be negative.
    variance
        tr Σ of the gradient of one sequence.
    variance_along
        V, the part of it along the gradient of the batch; NaN if it was not measured.
    """

    norm_squared: Tensor | float
    variance: Tensor | float
    variance_along: Tensor | float = math.nan


def gradient_moments(
    sum_squared: Tensor | float, squares: Tensor | float, count: int, size: int
) -> GradientMoments:
    """Both estimates, from the gradients of micro-batches.

    Parameters
    ----------
    sum_squared, squares
        |Σg|² and Σ|g|² over them.
    count, size
        Number of micro-batches, at least two, and of sequences in each.
    """
    return GradientMoments(
        (sum_squared - squares) / (count * (count - 1)), size * (squares - sum_squared / count) / (count - 1)
    )


def variance_along(
    deviations: Tensor | float, squared: Tensor | float, count: int, size: int
) -> Tensor | float:
    """The variance of a sequence's gradient along the batch's gradient g; unbiased for normal gradients.

    Parameters
    ----------
    deviations
        Σ (⟨g_k, g⟩ − |g|²)² over the gradients of micro-batches.
    squared
        |g|².
    count, size
        Number of micro-batches, at least two, and of sequences in each.
    """
    return size * deviations / ((count - 1) * squared)


class MicroBatchGradients:
    """The squared norms of the gradients of micro-batches, recorded as they are accumulated.

    A hook receives the gradient of a parameter from one backward pass, before it is accumulated and, on several
    devices, before it is exchanged. To measure the variance along the batch's gradient, which is known only at the end,
    the gradients of at least ``PARTS`` micro-batches of all devices are kept until then; those of small micro-batches
    are summed.
    """

    def __init__(
        self, parameters: Sequence[Tensor], count: int, along: bool = False, devices: int = 1
    ) -> None:
        """Register hooks; losses of the ``count`` micro-batches per device are divided by ``count`` before
        accumulation."""
        self.parameters, self.count = parameters, count
        self.squares = torch.zeros(())
        fewest = min(count, -(-PARTS // devices))
        self.parts = next(parts for parts in range(fewest, count + 1) if count % parts == 0)
        self.kept: list[list[Tensor]] | None = [[] for _ in parameters] if along else None
        self._seen = [0] * len(parameters)
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        self._hooks = [parameter.register_hook(self._add) for parameter in self.parameters]
        if self.kept is not None:
            self._hooks += [
                parameter.register_hook(partial(self._keep, number))
                for number, parameter in enumerate(self.parameters)
            ]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _add(self, gradient: Tensor) -> None:
        self.squares = self.squares.to(gradient.device) + gradient.detach().float().square().sum()

    def _keep(self, number: int, gradient: Tensor) -> None:
        assert self.kept is not None
        sums, gradient = self.kept[number], gradient.detach().float()
        if self._seen[number] % (self.count // self.parts) == 0:
            sums.append(gradient.clone())
        else:
            sums[-1] += gradient
        self._seen[number] += 1

    def moments(self, size: int, fabric: Fabric) -> GradientMoments:
        """The estimates from the micro-batches of all devices, of ``size`` sequences each.

        The parameters already have the gradient of the whole batch.
        """
        count = self.count * fabric.world_size
        squares: Tensor = fabric.all_reduce(self.count**2 * self.squares, reduce_op="sum")  # type: ignore[assignment]
        mean = [parameter.grad.float() for parameter in self.parameters if parameter.grad is not None]
        squared = _squared(mean)
        moments = gradient_moments(count**2 * squared, squares, count, size)
        return (
            moments
            if self.kept is None
            else replace(moments, variance_along=self._along(squared, size, fabric))
        )

    def _along(self, squared: Tensor, size: int, fabric: Fabric) -> Tensor | float:
        """The variance along the gradient of the batch, from the parts that were kept on all devices."""
        assert self.kept is not None
        products = torch.zeros(self.parts, device=squared.device)
        for parameter, parts in zip(self.parameters, self.kept, strict=True):
            if parameter.grad is not None:
                gradient = parameter.grad.float()
                products += torch.stack([(part * gradient).sum() for part in parts])
        local = (self.parts * products - squared).square().sum()  # a part has 1/parts of the mean's weight
        deviations: Tensor = fabric.all_reduce(local, reduce_op="sum")  # type: ignore[assignment]
        return variance_along(
            deviations, squared, self.parts * fabric.world_size, size * self.count // self.parts
        )


def _squared(tensors: list[Tensor]) -> Tensor:
    return torch.stack(torch._foreach_norm(tensors)).square().sum()


def divided(share: int, micro_batch: int, fewest: int = PARTS) -> int:
    """The largest divisor of a device's share that is at most ``micro_batch`` and makes ``fewest`` parts of it.

    1 if the share has fewer sequences.
    """
    return largest_divisor(share, min(micro_batch, max(1, share // fewest)))


def smoothed(values: Sequence[float], memory: float) -> list[float]:
    """Exponential running means of the values; NaN (not measured) remains NaN and is excluded from the others.

    The weight of a value is ``memory`` to the power of its age in measurements; weights sum to 1.
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
    """Batch size, in sequences, at which noise equals signal; NaN without a measurable signal."""
    signal, noise = float(moments.norm_squared), float(moments.variance)
    return noise / signal if signal > 0 else math.nan


def norm_test(moments: GradientMoments, batch_size: int, eta: float) -> float:
    """Batch size, in sequences, requested by the norm test: its variance by η² times the squared norm of the batch's
    own gradient.

    Its fixed point is ``noise scale · (1 − η²) / η²``: from η = 1 on the batch never grows.
    """
    return _requested(moments.variance, moments, batch_size, eta)


def inner_product_test(moments: GradientMoments, batch_size: int, eta: float) -> float:
    """Batch size, in sequences, requested by the inner-product test: the norm test with the variance along the batch's
    gradient.

    It requests smaller batches, because it ignores noise orthogonal to the batch's gradient.
    """
    return _requested(moments.variance_along, moments, batch_size, eta)


TESTS: Mapping[str, Callable[[GradientMoments, int, float], float]] = {
    "norm": norm_test,
    "inner-product": inner_product_test,
}


def _requested(variance: Tensor | float, moments: GradientMoments, batch_size: int, eta: float) -> float:
    signal = float(moments.norm_squared) + float(moments.variance) / batch_size
    return float(variance) / (eta**2 * signal) if signal > 0 else math.nan
