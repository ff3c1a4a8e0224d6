"""A plain training loop, in which benchmarks compare models, optimizers and learning rates."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from relscale.design.run import Run
from relscale.tokens.store import TokenStore
from relscale.training.schedule import learning_rate_factor

Model = TypeVar("Model", bound=nn.Module)


def train(
    run: Run,
    store: TokenStore,
    model: Model,
    loss_of: Callable[[Model, Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    order: int = 1,
) -> np.ndarray:
    """The run's loss at each step; with an ``order`` of -1 the sequences of each batch are reversed."""
    h, losses = run.hyperparameters, []
    for step in range(run.train_steps):
        batch = store.batch(
            step, run.batch_size, run.architecture.sequence_length, split="train", seed=run.seed
        )
        for group in optimizer.param_groups:
            scale = group.get("scale", 1.0)
            group["lr"] = scale * h.learning_rate * learning_rate_factor(step, run.train_steps, h)
        loss = loss_of(model, torch.from_numpy(batch[::order].copy()))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), h.gradient_clip)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return np.array(losses)
