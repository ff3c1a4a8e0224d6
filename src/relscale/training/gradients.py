"""The gradient of a batch, as many sequences at once as the memory holds."""

import sys
from collections.abc import Callable

import torch
from torch import Tensor

from relscale.design.run import Run
from relscale.errors import RelscaleError
from relscale.tokens.store import TokenStore
from relscale.training.batches import pieces
from relscale.training.placed import Placed


def gradients(placed: Placed, store: TokenStore, run: Run, micro_batch: int) -> Callable[[int], Tensor]:
    """What gives the model the gradient of step 0, 1, …, and returns the batch's loss, in nats a token.

    The plan estimates how many sequences a device's memory holds. Where it holds fewer, a single device tries the step
    again with half as many at a time, or the next smaller divisor of the batch, and stays there; the batch is the same.

    Parameters
    ----------
    placed
        The model on its devices.
    store
        Where the tokens come from.
    run
        Whose batches they are.
    micro_batch
        Sequences that a device takes at once; a divisor of its share of the batch.

    Raises
    ------
    RelscaleError
        When called: memory does not hold one sequence, or what each of several devices was given.
    """
    devices = placed.devices
    share, size = run.batch_size // devices.count, micro_batch

    def of_step(step: int) -> Tensor:
        nonlocal size
        while True:
            try:
                batch = pieces(store, run, step, devices.rank, devices.count, size)
                return placed.backward(batch, share // size)
            except torch.OutOfMemoryError as error:
                smaller = max((n for n in range(1, size // 2 + 1) if share % n == 0), default=0)
                told = f"{run.name}: memory does not hold {size} sequence(s) at once"
                if not smaller:
                    raise RelscaleError(
                        f"{told}; set training: {{activation_checkpointing: true}} or {{strategy: fsdp}}"
                    ) from error
                if devices.count > 1:  # which would have to agree, in the middle of an exchange
                    raise RelscaleError(f"{told}; set training: {{micro_batch: {smaller}}}") from error
                print(f"{told}; going on with {smaller}", file=sys.stderr)
                size = smaller
            placed.optimizer.zero_grad()  # out of the handler, whose traceback holds the tensors of the failed step
            torch.cuda.empty_cache()

    return of_step
