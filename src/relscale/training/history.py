"""The history of a training, step by step, and whether it diverged."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from relscale.design.run import BatchChange, Run
from relscale.training.noise_scale import GradientMoments

DIVERGED = 2.0  # times the first step's loss, once the warm-up is over
CHECK_EVERY = 64  # steps between two readings of the losses, since each reading makes an accelerator wait


@dataclass
class History:
    """The history of a run.

    A run has diverged at the first step whose loss or gradient norm is not finite or whose loss, after the warm-up, is
    over twice the first step's.

    Attributes
    ----------
    run
        The run; with adaptive batches it is replaced by a run of the same tokens.
    losses, gradient_norms
        ``[steps]``, on the device: nats per token of each batch before its update; the norm before clipping.
    gradient_squares, gradient_variances, gradient_variances_along
        ``[steps]``, on the device: the moments of the gradient (``relscale.training.noise_scale``), NaN if they
        were not measured.
    warmup
        Steps of the warm-up.
    validation_losses
        Nats per token, by number of updates.
    done, checked
        Numbers of updates done, and of those checked for divergence.
    diverged
        The number of the step at which the run diverged, from 1.
    seconds
        Training time, including that of earlier processes.
    stopped
        Whether training stops early, to be resumed.
    """

    run: Run
    losses: Tensor
    gradient_norms: Tensor
    gradient_squares: Tensor
    gradient_variances: Tensor
    gradient_variances_along: Tensor
    warmup: int
    validation_losses: dict[int, float] = field(default_factory=dict)
    done: int = 0
    checked: int = 0
    first_loss: float = math.nan
    diverged: int | None = None
    seconds: float = 0.0
    stopped: bool = False

    @classmethod
    def of(cls, run: Run, warmup: int, device: torch.device) -> "History":
        """An empty history."""
        empty = torch.full((run.train_steps,), math.nan, device=device)
        return cls(run, empty, empty.clone(), empty.clone(), empty.clone(), empty.clone(), warmup)

    @property
    def moments(self) -> tuple[Tensor, Tensor, Tensor]:
        """The series of the moments, in the order of ``GradientMoments``."""
        return self.gradient_squares, self.gradient_variances, self.gradient_variances_along

    @property
    def over(self) -> bool:
        """Whether training is complete."""
        return self.done == self.run.train_steps or self.diverged is not None

    def record(self, loss: Tensor, gradient_norm: Tensor, moments: GradientMoments | None = None) -> None:
        """Record a step, and check for divergence when the losses are read."""
        self.losses[self.done] = loss
        self.gradient_norms[self.done] = gradient_norm
        if moments is not None:
            measured = (moments.norm_squared, moments.variance, moments.variance_along)
            for series, value in zip(self.moments, measured, strict=True):
                series[self.done] = value
        self.done += 1
        last = self.done == self.run.train_steps
        if last or self.losses.device.type == "cpu" or self.done % CHECK_EVERY == 0:
            self._check()

    def _check(self) -> None:
        """Find the first step since the last reading that shows divergence."""
        losses = self.losses[self.checked : self.done].tolist()
        norms = self.gradient_norms[self.checked : self.done].tolist()
        for loss, norm in zip(losses, norms, strict=True):
            self.first_loss = loss if self.checked == 0 else self.first_loss
            self.checked += 1
            high = self.checked > self.warmup and loss > DIVERGED * self.first_loss
            if high or not math.isfinite(loss) or not math.isfinite(norm):
                self.diverged = self.checked
                return

    def state_dict(self) -> dict[str, Any]:
        """The history, in types that ``torch.save`` and ``torch.load`` handle safely."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        series = {name: getattr(self, name)[: self.done].cpu() for name in _SERIES}
        changes = [(change.tokens, change.factor) for change in self.run.batch_schedule]
        return {
            **plain,
            "batch_schedule": changes,
            "train_steps": self.run.train_steps,
            "validation_losses": dict(self.validation_losses),
            **series,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load the result of ``state_dict``."""
        for name in _PLAIN:
            setattr(self, name, state[name])
        self.run = run_of_state(self.run, state)
        self.validation_losses = dict(state["validation_losses"])
        for name in _SERIES:
            getattr(self, name)[: self.done] = state[name]


def run_of_state(run: Run, state: Mapping[str, Any]) -> Run:
    """The run with its batch schedule at the time when the history was saved."""
    changes = tuple(BatchChange(tokens, factor) for tokens, factor in state["batch_schedule"])
    return replace(run, batch_schedule=changes, train_steps=state["train_steps"])


_SERIES = (
    "losses",
    "gradient_norms",
    "gradient_squares",
    "gradient_variances",
    "gradient_variances_along",
)
_PLAIN = ("done", "checked", "first_loss", "diverged", "seconds")
