"""The config's section ``training``: how runs are trained."""

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import Field, field_validator

from relscale.design.options import PlacementOptions
from relscale.design.run import Run
from relscale.errors import RelscaleError
from relscale.section import UNIQUE, Fraction, Positive, PositiveInt, Section


class NoiseScale(Section):
    """How the gradient noise scale is measured, from the micro-batches of a batch, while a run is trained."""

    every: PositiveInt = Field(default=10, description="Number of steps between measurements.")
    memory: float = Field(
        default=0.99,
        ge=0,
        lt=1,
        description="Ratio of the weights of consecutive measurements in the running mean.",
    )
    eta: Positive = Field(
        default=0.5,
        description="Parameter of AdAdaGrad's tests, whose batch size is recorded beside the noise scale.",
    )
    along: bool = Field(
        default=False,
        description="Whether to measure the variance along the gradient of the batch too, for the inner-product test; "
        "the gradients of four micro-batches are then kept meanwhile.",
    )


class AdaptiveBatch(Section):
    """How batches grow while a run is trained, by a test of AdAdaGrad of its gradient noise.

    The learning rate grows by the root of the batch; the planned tokens stay, and warm-up and decay are shares of them.
    """

    test: Literal["norm", "inner-product"] = Field(
        default="norm",
        description="Which noise counts: all of it, or that along the gradient of the batch alone, which asks for "
        "smaller batches and keeps the gradients of four micro-batches while it is measured.",
    )
    eta: Positive = Field(
        default=0.5, description="The test asks for less the larger it is; from 1 on a batch never grows."
    )
    every: PositiveInt = Field(default=10, description="Steps between two tests.")
    memory: float = Field(
        default=0.9,
        ge=0,
        lt=1,
        description="Weight of a measurement of the noise by the weight of the next one.",
    )
    largest: PositiveInt = Field(default=16, description="The largest batch, by the first one.")

    @property
    def measurement(self) -> NoiseScale:
        """How the gradient noise scale is measured for it."""
        return NoiseScale(
            every=self.every, memory=self.memory, eta=self.eta, along=self.test == "inner-product"
        )


class Branches(Section):
    """Branches that measure the critical batch: from checkpoints of each run, with k times its batch.

    They are trained when the run is finished, at the checkpoint's learning rate times the root of k.
    `relscale branches` lists the critical batch at each checkpoint.
    """

    shares: Annotated[tuple[Fraction, ...], UNIQUE, Field(min_length=1)] = Field(
        alias="from", description="Shares of a run's tokens after which it branches."
    )
    factors: Annotated[tuple[PositiveInt, ...], UNIQUE, Field(min_length=1)] = Field(
        default=(1, 2, 4, 8), description="Batches of the branches by that of the run; 1 is among them."
    )
    tokens: Positive = Field(
        description="Training tokens of each branch; rounded to whole batches of all factors."
    )
    epsilon: float = Field(
        default=0.01,
        ge=0,
        description="Difference of smoothed losses, in nats per token, that does not count; it has to exceed their "
        "noise.",
    )

    @field_validator("factors")
    @classmethod
    def _with_the_runs_own(cls, factors: tuple[int, ...]) -> tuple[int, ...]:
        if 1 not in factors:
            raise ValueError("1 is missing, the batch of the run, which the others are compared with")
        return factors


class Training(PlacementOptions):
    """How runs are trained."""

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
        description="Where the curve is logged while a run is trained: metrics.csv beside its state, TensorBoard "
        "files in the store's folder logs, or Weights & Biases. The record is curve.parquet in any case.",
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
        description="Measure the gradient noise scale, into curve.parquet. Batches are then divided into "
        "at least four micro-batches, which changes numbers by rounding only.",
    )
    adaptive_batch: AdaptiveBatch | None = Field(
        default=None,
        description="Let batches grow by the gradient noise scale, which is measured for it; in place of noise_scale "
        "and of design.batch_schedule.",
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
        """How the gradient noise scale is measured, if it is."""
        return self.adaptive_batch.measurement if self.adaptive_batch else self.noise_scale


LOGGER_PACKAGES = {"csv": (), "tensorboard": ("tensorboard", "tensorboardX"), "wandb": ("wandb",)}


def check_logger(name: str) -> None:
    """Refuse a logger without its package.

    Raises
    ------
    RelscaleError
        It is not installed.
    """
    packages: tuple[str, ...] = LOGGER_PACKAGES[name]
    if packages and not any(find_spec(package) for package in packages):
        raise RelscaleError(
            f"training.logger: {name}, which is not installed; pip install {packages[0]}, or set csv"
        )


def check_noise_scale(run: Run, options: Training, strategy: str) -> None:
    """Refuse to measure the gradient noise scale, if that is asked for, where a batch cannot be divided.

    Raises
    ------
    RelscaleError
        It has a single sequence, gradients are shared out among devices, or batches would grow in two ways.
    """
    if options.measurement is None:
        return
    where = "training.adaptive_batch" if options.adaptive_batch else "training.noise_scale"
    if options.adaptive_batch and options.noise_scale:
        raise RelscaleError(f"{where}: it measures the noise scale itself; leave training.noise_scale out")
    if options.adaptive_batch and run.batch_schedule:
        raise RelscaleError(f"{where}: batches grow by design.batch_schedule already; leave one of them out")
    if strategy == "fsdp":
        raise RelscaleError(f"{where}: fsdp has no whole gradient on a device; set ddp or leave it out")
    if run.batch_size < 2:
        raise RelscaleError(
            f"{where}: {run.name} has one sequence in a batch, and a measurement needs two; leave it out, "
            "or use larger batches"
        )
