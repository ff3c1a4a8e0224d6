"""One training run of a plan."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from relscale.design.architecture import (
    Architecture,
    forward_flops_per_token,
    parameters,
    training_flops_per_token,
)


@dataclass(frozen=True)
class Hyperparameters:
    """How a run is optimised.

    Attributes
    ----------
    optimizer
        Name of a file in ``relscale.training.optimizers`` with hyphens for underscores, ``c-adamc`` for instance.
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
class Run:
    """A model to train: what it is, on which corpus, for how long, and how.

    ``budget`` is the nominal compute, in forward FLOPs or training FLOPs as the experiment's ``flop_accounting`` says;
    ``training_flops`` is what is spent, forward and backward.
    """

    corpus: str
    budget: float
    seed: int
    architecture: Architecture
    batch_size: int
    train_steps: int
    hyperparameters: Hyperparameters

    @property
    def name(self) -> str:
        """Unique within an experiment, and readable: ``code-1e12-d64-L2-B16-c-adamc-s0``."""
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
        """Training tokens: sequences of full length, none padded."""
        return self.train_steps * self.batch_size * self.architecture.sequence_length

    @property
    def forward_flops(self) -> int:
        """Forward FLOPs of the whole run."""
        return self.tokens * forward_flops_per_token(self.architecture)

    @property
    def training_flops(self) -> int:
        """Forward and backward FLOPs of the whole run."""
        return self.tokens * training_flops_per_token(self.architecture)


def budget_label(budget: float) -> str:
    """A budget as it is written in names and paths: ``1e18``, ``3e11``, ``1.5e12``."""
    mantissa, exponent = f"{budget:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def run_to_dict(run: Run) -> dict[str, Any]:
    """A run as nested JSON-able values; ``run_from_dict`` reads it back."""
    return asdict(run)


def run_from_dict(values: dict[str, Any]) -> Run:
    """The run that ``run_to_dict`` wrote."""
    nested: dict[str, Any] = {
        "architecture": Architecture(**values["architecture"]),
        "hyperparameters": Hyperparameters(**values["hyperparameters"]),
    }
    return Run(**{field.name: nested.get(field.name, values[field.name]) for field in fields(Run)})
