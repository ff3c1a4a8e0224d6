"""Fused output layer and cross-entropy, which never materialises the logits of a whole batch.

At width 16 to 64 and vocabulary 2,048 most of the work of a training step is here. Rows of hidden states are processed
in chunks: logits, softmax in place, loss, and at once both gradients, so that on a processor a chunk's logits stay in
cache and are passed over three times. The backward pass only scales the gradients.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from relscale.training.first_order import first_order

CHUNK_LOGITS = 2**19  # logits in memory at a time: 2 MB of float32, about a core's share of cache
GPU_CHUNK_LOGITS = (
    2**27
)  # 512 MB on a GPU: each chunk passes over the whole gradient of the output layer once more
CHUNK_ROWS = 128  # at least; fewer make slow matrix products


SoftmaxLoss = Callable[[Tensor, Tensor, bool], Tensor | float]


def chunk_rows(vocabulary: int, device: str) -> int:
    """Rows of hidden states whose logits are in memory at a time, on a torch device of this type."""
    if device != "cuda":
        return max(CHUNK_ROWS, CHUNK_LOGITS // vocabulary)
    return (
        max(1, GPU_CHUNK_LOGITS // vocabulary // CHUNK_ROWS) * CHUNK_ROWS
    )  # whole tiles of a matrix product


def softmax_loss(logits: Tensor, targets: Tensor, wants_gradients: bool) -> Tensor:
    """Sum of the rows' losses; with gradients, the logits are overwritten by theirs, softmax − one-hot."""
    smallest = torch.finfo(logits.dtype).tiny
    torch.softmax(logits, -1, out=logits)
    of_target = logits.gather(1, targets[:, None])
    loss = -of_target.clamp(min=smallest).log_().sum()
    if wants_gradients:
        logits.scatter_(1, targets[:, None], of_target.sub_(1))
    return loss


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, targets: Tensor, chunk_loss: SoftmaxLoss = softmax_loss
) -> Tensor:
    """Mean of ``−ln softmax(hidden · weightᵀ)[target]`` over rows, in nats.

    Equal to ``F.cross_entropy(hidden @ weight.T, targets)``, except that a single row's loss is at most that of the
    type's smallest normal probability (87 nats in float32).

    Parameters
    ----------
    hidden
        ``[N, h]``, the decoder's last hidden states.
    weight
        ``[V, h]``, the output layer.
    targets
        ``[N]``, integers in ``[0, V)``.
    chunk_loss
        Loss and gradient of a chunk of logits.

    Returns
    -------
    Tensor
        A scalar of the type of ``weight``. Under autocast the matrix products run in the lower precision; softmax,
        loss and sums over chunks keep the weight's.
    """
    wants_gradients = torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)
    loss: Tensor = _LinearCrossEntropy.apply(hidden, weight, targets, wants_gradients, chunk_loss)
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        wants_gradients: bool,
        chunk_loss: SoftmaxLoss,
    ) -> Tensor:
        (rows, width), vocabulary, wide = hidden.shape, weight.shape[0], weight.dtype
        device = hidden.device.type
        narrow = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else wide
        chunk = chunk_rows(vocabulary, device)
        narrow_hidden, narrow_weight = hidden.to(narrow), weight.to(narrow)
        logits = hidden.new_empty(min(chunk, rows), vocabulary, dtype=wide)
        loss = hidden.new_zeros((), dtype=wide)
        if wants_gradients:
            grad_hidden = hidden.new_empty(rows, width, dtype=wide)
            # Transposed: MKL makes this product up to twice as fast as the one of shape [V, h].
            grad_weight = weight.new_zeros(width, vocabulary)
        for start in range(0, rows, chunk):
            stop = min(start + chunk, rows)
            x, probabilities = narrow_hidden[start:stop], logits[: stop - start]
            if narrow == wide:
                torch.mm(x, narrow_weight.t(), out=probabilities)
            else:
                probabilities.copy_(x @ narrow_weight.t())
            loss += chunk_loss(probabilities, targets[start:stop], wants_gradients)
            if wants_gradients:
                difference = probabilities.to(narrow)
                grad_hidden[start:stop] = difference @ narrow_weight
                if narrow == wide:
                    grad_weight.addmm_(x.t(), difference)
                else:
                    grad_weight += x.t() @ difference
        if wants_gradients:
            ctx.save_for_backward(grad_hidden.div_(rows).to(hidden.dtype), grad_weight.div_(rows))
        return loss.div_(rows)

    @staticmethod
    @first_order
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        return grad_hidden * gradient, (grad_weight * gradient).t(), None, None, None
