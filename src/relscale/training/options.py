"""The config's section ``training``: how runs are trained."""

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import Field, field_validator

from relscale.design.options import PlacementOptions
from relscale.design.run import Run
from relscale.errors import RelscaleError
from relscale.experiments.section import UNIQUE, Fraction, Positive, PositiveInt, Section


class NoiseScale(Section):
    """Measurement of the gradient noise scale during training, from the micro-batches of a batch."""

    every: PositiveInt = Field(default=10, description="Number of steps between measurements.")
    memory: float = Field(
        default=0.99,
        ge=0,
        lt=1,
        description="Ratio of the weights of consecutive measurements in the running mean.",
    )
    eta: Positive = Field(
        default=0.5,
        description="Parameter η of AdAdaGrad's tests, whose batch sizes are recorded as well.",
    )
    along: bool = Field(
        default=False,
        description="Whether to measure the variance along the gradient of the batch too, for the inner-product test; "
        "the gradients of four micro-batches are then kept in memory.",
    )


class AdaptiveBatch(Section):
    """Adaptive batch size during training, by AdAdaGrad's test of the gradient noise.

    The learning rate grows with the square root of the batch; the planned tokens are unchanged, and warm-up and decay
    are shares of them.
    """

    test: Literal["norm", "inner-product"] = Field(
        default="norm",
        description="Noise to test: all of it (norm), or only that along the gradient of the batch, which "
        "requests smaller batches and keeps the gradients of four micro-batches while it is measured.",
    )
    eta: Positive = Field(
        default=0.5,
        description="Parameter η of the test; larger values request smaller batches, and from 1 the batch "
        "never grows.",
    )
    every: PositiveInt = Field(default=10, description="Steps between two tests.")
    memory: float = Field(
        default=0.9,
        ge=0,
        lt=1,
        description="Ratio of the weights of consecutive measurements in the running mean.",
    )
    largest: PositiveInt = Field(default=16, description="Maximum batch size, as a multiple of the first.")

    @property
    def measurement(self) -> NoiseScale:
        """The measurement of the gradient noise scale."""
        return NoiseScale(
            every=self.every, memory=self.memory, eta=self.eta, along=self.test == "inner-product"
        )


class Branches(Section):
    """Branches that measure the critical batch: from checkpoints of each run, with k times its batch.

    They are trained after the run is finished, at the checkpoint's learning rate times the square root of k.
    `relscale branches` lists the critical batch at each checkpoint.
    """

    shares: Annotated[tuple[Fraction, ...], Field(min_length=1), UNIQUE] = Field(
        alias="from", description="Shares of a run's tokens at which it branches."
    )
    factors: Annotated[tuple[PositiveInt, ...], Field(min_length=1), UNIQUE] = Field(
        default=(1, 2, 4, 8), description="Batch sizes of the branches relative to the run's; must include 1."
    )
    tokens: Positive = Field(
        description="Training tokens of each branch; rounded to whole batches of all factors."
    )
    epsilon: float = Field(
        default=0.01,
        ge=0,
        description="Tolerance for differences of smoothed losses, in nats per token; it should exceed their "
        "noise.",
    )

    @field_validator("factors")
    @classmethod
    def _includes_one(cls, factors: tuple[int, ...]) -> tuple[int, ...]:
        if 1 not in factors:
            raise ValueError("1 is missing, the batch size of the run, with which the others are compared")
        return factors


class Training(PlacementOptions):
    """Options of training."""

    job: Literal["budget", "run"] = Field(
        default="budget", description="One job per budget of a corpus, or one per run."
    )
    max_epochs: Positive = Field(
        default=1.0,
        description="Maximum number of epochs of a run over its corpus; for a mixture, over the most "
        "repeated part.",
    )
    validation_tokens: int = Field(
        default=65536, ge=2, description="Number of tokens of the validation loss."
    )
    validation_points: PositiveInt = Field(
        default=1, description="Number of validations per run; the last is at the end."
    )
    logger: Literal["csv", "tensorboard", "wandb"] = Field(
        default="csv",
        description="Logger of the curve during training: metrics.csv beside the state (csv), TensorBoard "
        "files in the store's folder logs, or Weights & Biases. curve.parquet is always written.",
    )
    threads: PositiveInt = Field(default=1, description="Processor threads per run.")
    compile: bool = Field(default=False, description="Whether torch.compile compiles the model.")
    checkpoints: Annotated[tuple[Fraction, ...], UNIQUE] = Field(
        default=(),
        description="Shares of a run's steps after which a checkpoint is kept and scored too, for laws "
        "along a training. It is the model <run>-step-<n> of the measurements, without a "
        "budget. With a schedule that decays at the end it is not annealed, and its errors "
        "are above those of a run that was planned to end there.",
    )
    noise_scale: NoiseScale | None = Field(
        default=None,
        description="Record the gradient noise scale in curve.parquet. Batches are then divided into at "
        "least four micro-batches, which changes numbers by rounding only.",
    )
    adaptive_batch: AdaptiveBatch | None = Field(
        default=None,
        description="Grow batches with the measured gradient noise scale; cannot be combined with "
        "noise_scale or design.batch_schedule.",
    )
    branches: Branches | None = Field(
        default=None,
        description="Branch off each run with larger batches, to measure the critical batch.",
    )
    save_every: float = Field(
        default=15.0,
        ge=0,
        description="Minutes between saves of a training's state, from which an interrupted training "
        "resumes; on a stop signal the state is saved at once. Numbers do not depend on it.",
    )

    @property
    def measurement(self) -> NoiseScale | None:
        """The measurement of the gradient noise scale, if any."""
        return self.adaptive_batch.measurement if self.adaptive_batch else self.noise_scale


LOGGER_PACKAGES = {"csv": (), "tensorboard": ("tensorboard", "tensorboardX"), "wandb": ("wandb",)}


def check_logger(name: str) -> None:
    """Refuse a logger whose package is not installed."""
    packages: tuple[str, ...] = LOGGER_PACKAGES[name]
    if packages and not any(find_spec(package) for package in packages):
        raise RelscaleError(
            f"training.logger: {name} is not installed; pip install {packages[0]}, or set csv"
        )


def check_noise_scale(run: Run, options: Training, strategy: str) -> None:
    """Refuse a gradient noise scale that cannot be measured: a batch has a single sequence, gradients are sharded, or
    two options change the batch size."""
    if options.measurement is None:
        return
    key = "training.adaptive_batch" if options.adaptive_batch else "training.noise_scale"
    if options.adaptive_batch and options.noise_scale:
        raise RelscaleError(f"{key}: it measures the noise scale itself; remove training.noise_scale")
    if options.adaptive_batch and run.batch_schedule:
        raise RelscaleError(
            f"{key}: design.batch_schedule changes the batch size as well; remove one of them"
        )
    if strategy == "fsdp":
        raise RelscaleError(f"{key}: fsdp shards the gradient; set ddp, or remove it")
    if run.batch_size < 2:
        raise RelscaleError(
            f"{key}: {run.name} has one sequence per batch, but a measurement needs two; remove it, or use "
            "larger batches"
        )
