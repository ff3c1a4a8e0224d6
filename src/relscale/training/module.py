"""What Lightning trains: the decoder, its optimizer and schedule, and a record of every step."""

import math
from collections.abc import Callable
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor

from relscale.design.run import Run
from relscale.training.model import Decoder
from relscale.training.optimizers import build_optimizer
from relscale.training.schedule import learning_rate_factor

DIVERGED = 2.0  # times the first step's loss, once the warm-up is over
CHECK_EVERY = 64  # steps between two looks at the losses where a look makes an accelerator wait


class TrainingModule(lightning.LightningModule):
    """A run in training.

    Each step's loss (nats a token, of the batch before its update) and gradient norm (before clipping) stay on the
    device. A run has diverged at the first step whose loss or gradient norm is not finite or whose loss, after the
    warm-up, is over twice the first step's; training then stops, and ``diverged`` is the number of that step.

    Parameters
    ----------
    run
        What to train.
    model
        Its decoder.
    validate
        Takes the model, returns nats a token; called after each of ``validation_steps``.
    validation_steps
        Numbers of updates done, 1 to ``run.train_steps``.
    """

    losses: Tensor
    gradient_norms: Tensor

    def __init__(
        self, run: Run, model: Decoder, validate: Callable[[Decoder], float], validation_steps: set[int]
    ) -> None:
        super().__init__()
        self.run = run
        self.model = model
        self.validate = validate
        self.validation_steps = validation_steps
        self.validation_losses: dict[int, float] = {}
        self.done = 0
        self.checked = 0
        self.first_loss = math.nan
        self.diverged: int | None = None
        self.register_buffer("losses", torch.full((run.train_steps,), math.nan), persistent=False)
        self.register_buffer("gradient_norms", torch.full((run.train_steps,), math.nan), persistent=False)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimizer that the run names."""
        return build_optimizer(self.model, self.run.hyperparameters)

    def learning_rate(self, step: int) -> float:
        """Learning rate of step 0, 1, …"""
        h = self.run.hyperparameters
        return h.learning_rate * learning_rate_factor(step, self.run.train_steps, h)

    def training_step(self, tokens: Tensor, batch_index: int) -> Tensor:
        """Mean loss of sequences ``[B, T + 1]``."""
        for group in self.optimizers().param_groups:  # type: ignore[union-attr]
            group["lr"] = self.learning_rate(self.done)
        loss = self.model.loss(tokens)
        self.losses[self.done] = loss.detach()
        return loss

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Clip by the global norm, and keep that norm."""
        clip = self.run.hyperparameters.gradient_clip
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), clip)
        self.gradient_norms[self.done] = norm

    def on_train_batch_end(self, *_: Any) -> None:
        """Count the step, look for divergence, validate where it is due."""
        self.done += 1
        last = self.done == self.run.train_steps
        if last or self.device.type == "cpu" or self.done % CHECK_EVERY == 0:
            self._check()
        if self.diverged is None and self.done in self.validation_steps:
            self.validation_losses[self.done] = self.validate(self.model)

    def _check(self) -> None:
        """Stop the trainer at the first of the steps since the last look that shows divergence."""
        warmup = int(self.run.hyperparameters.warmup * self.run.train_steps)
        losses = self.losses[self.checked : self.done].tolist()
        norms = self.gradient_norms[self.checked : self.done].tolist()
        for loss, norm in zip(losses, norms, strict=True):
            self.first_loss = loss if self.checked == 0 else self.first_loss
            self.checked += 1
            high = self.checked > warmup and loss > DIVERGED * self.first_loss
            if high or not math.isfinite(loss) or not math.isfinite(norm):
                self.diverged = self.checked
                self.trainer.should_stop = True
                return
