"""The gradient of a batch: accumulated over micro-batches, smaller ones if memory does not suffice, and clipped."""

import sys
from collections.abc import Iterable
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from relscale.design.run import Run
from relscale.errors import RelscaleError
from relscale.tokens.store import TokenStore
from relscale.training.distributed_model import DistributedModel
from relscale.training.fabric import is_sharding
from relscale.training.micro_batches import largest_divisor, micro_batches
from relscale.training.noise_scale import GradientMoments, MicroBatchGradients
from relscale.training.options import NoiseScale
from relscale.training.sharding import to_scalar


class BatchGradient(NamedTuple):
    """Result of a batch's backward pass.

    Attributes
    ----------
    loss
        Nats per token.
    micro_batch
        Sequences that a device processed at once.
    moments
        Moments of the gradient; None if not measured.
    """

    loss: Tensor
    micro_batch: int
    moments: GradientMoments | None = None


def batch_gradient(
    run: Run,
    model: DistributedModel,
    store: TokenStore,
    step: int,
    micro_batch: int,
    measurement: NoiseScale | None = None,
) -> BatchGradient:
    """Compute the gradient of step 0, 1, …, and measure its moments if requested.

    The plan estimates how many sequences fit a device's memory. If fewer fit, a single device retries the step with
    half as many at a time, or the next smaller divisor of the batch; the batch is unchanged.

    Raises
    ------
    RelscaleError
        One sequence does not fit in memory, or a micro-batch on one of several devices.
    """
    fabric = model.fabric
    share, first_share = (size // fabric.world_size for size in (run.batch_at(step), run.batch_size))
    while True:
        try:
            batch = micro_batches(store, run, step, fabric.global_rank, fabric.world_size, micro_batch)
            count = share // micro_batch
            if measurement is None:
                return BatchGradient(accumulate_gradients(model, batch, count), micro_batch)
            parameters = list(model.module.parameters())
            with MicroBatchGradients(parameters, count, measurement.along, fabric.world_size) as parts:
                loss = accumulate_gradients(model, batch, count)
            return BatchGradient(loss, micro_batch, parts.moments(micro_batch, fabric))
        except torch.OutOfMemoryError as error:
            smaller = largest_divisor(first_share, micro_batch // 2)
            problem = f"{run.name}: {micro_batch} sequence(s) do not fit in memory at once"
            if not smaller:
                raise RelscaleError(
                    f"{problem}; set training: {{activation_checkpointing: true}} or {{strategy: fsdp}}"
                ) from error
            if fabric.world_size > 1:  # the devices cannot agree on a size in the middle of an exchange
                raise RelscaleError(f"{problem}; set training: {{micro_batch: {smaller}}}") from error
            print(f"{problem}; continuing with {smaller}", file=sys.stderr)
            micro_batch = smaller
        model.optimizer.zero_grad()  # outside the handler, whose traceback refers to the tensors of the failed step
        torch.cuda.empty_cache()


def accumulate_gradients(model: DistributedModel, batch: Iterable[Tensor], count: int) -> Tensor:
    """Gradients of the mean loss of a batch, and that loss, in nats per token.

    Parameters
    ----------
    model
        The model.
    batch
        This device's share of the batch, in ``count`` micro-batches of equal size: the mean of their losses is that of
        their tokens, and the mean over devices that of the batch.
    count
        Their number.
    """
    fabric = model.fabric
    total = torch.zeros((), device=fabric.device)
    for number, tokens in enumerate(batch, start=1):
        # Devices exchange gradients after the last micro-batch only, unless complete gradients do not fit in memory.
        waits = number < count and not is_sharding(fabric)
        with fabric.no_backward_sync(model.module, enabled=True) if waits else nullcontext():
            with model.precision.forward_context():
                loss = model.loss(tokens) / count
            fabric.backward(loss)
        total += loss.detach()
    mean: Tensor = fabric.all_reduce(total, reduce_op="mean")  # type: ignore[assignment]
    return mean


def clip_gradients(model: DistributedModel, max_norm: float) -> Tensor:
    """Clip the gradients to a global norm of at most ``max_norm``; returns the norm before clipping.

    As ``fabric.clip_gradients``, but summed in the order of the model's parameters instead of the optimizer's groups,
    so that the result does not depend on the groups.
    """
    return to_scalar(torch.nn.utils.clip_grad_norm_(model.decoder.parameters(), max_norm))
