"""A training run of a plan."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from relscale.design.architecture import (
    Architecture,
    forward_flops_per_token,
    parameters,
    training_flops_per_token,
)


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of the optimization.

    Attributes
    ----------
    optimizer
        Name of a module of ``relscale.training.optimizers`` with hyphens for underscores, such as ``c-adamc``.
    learning_rate
        The peak of the schedule.
    schedule
        ``wsd``, ``cosine`` or ``linear``: ``relscale.training.schedule``.
    warmup, decay
        Shares of the steps over which the learning rate rises from 0 to its peak, and, by ``wsd``, falls back to 0.
    vector_learning_rate
        The peak for embeddings and norms, which do not decay; None for that of the matrices.
    """

    optimizer: str
    learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    gradient_clip: float
    schedule: str
    warmup: float
    decay: float
    vector_learning_rate: float | None = None


@dataclass(frozen=True)
class BatchChange:
    """A change of the batch size, after ``tokens`` training tokens, to ``factor`` times the run's ``batch_size``.

    The learning rate is then √factor times that of the schedule, the scaling rule of Adam.
    """

    tokens: float
    factor: int


@dataclass(frozen=True)
class BatchStage:
    """Steps of one batch size, from ``first_step``, whose batch begins with sequence ``first_sequence``."""

    first_step: int
    first_sequence: int
    batch_size: int


@dataclass(frozen=True)
class Run:
    """A training run: architecture, corpus, length and hyperparameters.

    ``budget`` is the nominal compute, in forward or training FLOPs by the experiment's ``flop_accounting``;
    ``training_flops`` is the actual compute, forward and backward. ``batch_size`` is that of the first step,
    ``train_steps`` the updates.
    """

    corpus: str
    budget: float
    seed: int
    architecture: Architecture
    batch_size: int
    train_steps: int
    hyperparameters: Hyperparameters
    batch_schedule: tuple[BatchChange, ...] = ()

    @property
    def name(self) -> str:
        """Unique name within an experiment, such as ``code-1e12-d64-L2-B16-c-adamc-s0``."""
        a = self.architecture
        return (
            f"{self.corpus}-{budget_label(self.budget)}-d{a.hidden_size}-L{a.num_layers}-B{self.batch_size}"
            f"-{self.hyperparameters.optimizer}-s{self.seed}"
        )

    @property
    def params(self) -> int:
        """Number of parameters."""
        return parameters(self.architecture)

    @property
    def tokens(self) -> int:
        """Training tokens: sequences of full length, without padding."""
        return self.sequences_before(self.train_steps) * self.architecture.sequence_length

    @cached_property
    def stages(self) -> tuple[BatchStage, ...]:
        """Stages of constant batch size, in order; each stage except the last has whole batches."""
        stages = [BatchStage(0, 0, self.batch_size)]
        for change in self.batch_schedule:
            last = stages[-1]
            remaining_sequences = change.tokens / self.architecture.sequence_length - last.first_sequence
            steps = max(0, math.ceil(remaining_sequences / last.batch_size))
            stages.append(
                BatchStage(
                    last.first_step + steps,
                    last.first_sequence + steps * last.batch_size,
                    change.factor * self.batch_size,
                )
            )
        return tuple(stages)

    def stage(self, step: int) -> BatchStage:
        """The stage of step 0, 1, …"""
        return self.stages[bisect_right(self.stages, step, key=lambda stage: stage.first_step) - 1]

    def batch_at(self, step: int) -> int:
        """Batch size, in sequences, of step 0, 1, …"""
        return self.stage(step).batch_size

    def sequences_before(self, step: int) -> int:
        """Number of sequences before step 0, 1, …; at ``train_steps``, of all."""
        stage = self.stage(step)
        return stage.first_sequence + (step - stage.first_step) * stage.batch_size

    def steps_until(self, sequences: float) -> int:
        """The minimum number of steps for ``sequences`` sequences, at most all steps of the run."""
        return bisect_left(range(self.train_steps), sequences, key=self.sequences_before)

    @property
    def forward_flops(self) -> int:
        """Forward FLOPs of the whole run."""
        return self.tokens * forward_flops_per_token(self.architecture)

    @property
    def training_flops(self) -> int:
        """Forward and backward FLOPs of the whole run."""
        return self.tokens * training_flops_per_token(self.architecture)


def budget_label(budget: float) -> str:
    """A budget as written in names and paths: ``1e18``, ``3e11``, ``1.5e12``."""
    mantissa, exponent = f"{budget:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def run_to_dict(run: Run) -> dict[str, object]:
    """A run as nested JSON-able values; ``run_from_dict`` reads it back."""
    return asdict(run)


def run_from_dict(values: Mapping[str, Any]) -> Run:
    """The run written by ``run_to_dict``."""
    values_by_name: dict[str, Any] = {
        "architecture": Architecture(**values["architecture"]),
        "hyperparameters": Hyperparameters(**values["hyperparameters"]),
        "batch_schedule": tuple(BatchChange(**change) for change in values.get("batch_schedule", ())),
    }
    names = [field.name for field in fields(Run)]
    return Run(**{name: values_by_name[name] if name in values_by_name else values[name] for name in names})
