"""Observers between the steps of a training: validation, checkpoints, stopping, saved states, logged metrics.

Each is an observer, called after every step. Devices synchronise their decisions every ``EXCHANGE_EVERY`` steps, so
that they do not wait for each other after each.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from torch import Tensor

from relscale.training.distributed_model import DistributedModel
from relscale.training.fabric import Fabric, Logger, any_device
from relscale.training.history import CHECK_EVERY, History
from relscale.training.result import RecordContext, write_checkpoint
from relscale.training.schedule import learning_rate, steps_of
from relscale.training.state import write_state
from relscale.training.validation import mean_loss

EXCHANGE_EVERY = 16  # steps between collective decisions of several devices


class Observer(Protocol):
    """Interface: called after each step of a training."""

    def after_step(self, history: History) -> None:
        """Called after a step has been recorded, including the last."""


@dataclass
class Validation:
    """Measures the validation loss after some shares of the run's tokens."""

    model: DistributedModel
    batches: list[Tensor]
    shares: Sequence[float]

    def after_step(self, history: History) -> None:
        """Measure the loss if it is due."""
        if history.done in steps_of(self.shares, history.run) and history.diverged is None:
            history.validation_losses[history.done] = mean_loss(self.model.loss, self.batches)


@dataclass
class Checkpoints:
    """Saves the weights after some shares of the run's tokens, beside the state until the result is written."""

    model: DistributedModel
    folder: Path
    shares: Sequence[float]
    context: RecordContext
    still_owned: Callable[[], None]

    def after_step(self, history: History) -> None:
        """Write the weights if due; the final weights are part of the result."""
        if history.over or history.done not in steps_of(self.shares, history.run):
            return
        weights = self.model.weights()
        if self.model.fabric.is_global_zero:
            self.still_owned()
            write_checkpoint(self.folder, history.done, weights, self.context)


@dataclass
class StopRequest:
    """Stops training early when one of its processes was asked to stop."""

    fabric: Fabric
    stop_requested: Callable[[], bool]

    def after_step(self, history: History) -> None:
        """Ask."""
        if not history.over and exchanges(self.fabric, history):
            history.stopped = any_device(self.fabric, self.stop_requested())


@dataclass
class SavedState:
    """Saves the complete training state, periodically and when training stops early."""

    model: DistributedModel
    folder: Path
    seconds: float
    still_owned: Callable[[], None]
    last: float = field(default_factory=time.monotonic)

    def after_step(self, history: History) -> None:
        """Save if due by the clock of the first device."""
        fabric = self.model.fabric
        if history.over or not exchanges(fabric, history):
            return
        due = fabric.is_global_zero and time.monotonic() - self.last >= self.seconds
        if not (history.stopped or any_device(fabric, due)):
            return
        write_whole_state(self.model, history, self.folder, self.still_owned)
        if fabric.is_global_zero:
            loss = f"loss {history.losses[history.done - 1].item():.4f}"
            steps = f"step {history.done} of {history.run.train_steps}"
            print(f"{history.run.name}: saved at {steps}, {loss}", file=sys.stderr)
        self.last = time.monotonic()


@dataclass
class Metrics:
    """Logs the curve during training: every ``CHECK_EVERY`` steps, at validations, and at the end."""

    logger: Logger

    def after_step(self, history: History) -> None:
        """Log the step if it is due."""
        run, step, validated = history.run, history.done, history.done in history.validation_losses
        if history.over or validated or step % CHECK_EVERY == 0:
            metrics = {
                "train_loss": history.losses[step - 1].item(),
                "grad_norm": history.gradient_norms[step - 1].item(),
                "learning_rate": learning_rate(run, step - 1),
                "tokens": run.sequences_before(step) * run.architecture.sequence_length,
            }
            if validated:
                metrics["validation_loss"] = history.validation_losses[step]
            self.logger.log_metrics(metrics, step)
        if history.over:
            self.logger.finalize("success" if history.diverged is None else "failed")


def write_whole_state(
    model: DistributedModel, history: History, folder: Path, still_owned: Callable[[], None]
) -> None:
    """Save weights, moments and history; a collective call, in which the first device writes."""
    state = {**model.state_dict(), "history": history.state_dict()}
    if model.fabric.is_global_zero:
        still_owned()
        write_state(folder, state)


def exchanges(fabric: Fabric, history: History) -> bool:
    """Whether devices synchronise after this step."""
    return fabric.world_size == 1 or history.done % EXCHANGE_EVERY == 0
