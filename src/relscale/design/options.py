"""The config's sections ``design`` and ``hardware``: the runs and the machines that train them."""

from typing import Annotated, Literal

from pydantic import Field

from relscale.design.mixtures import Mixtures
from relscale.design.power_of_run import PowerOfRun
from relscale.experiments.section import (
    NULLABLE,
    UNIQUE,
    Count,
    Positive,
    PositiveInt,
    Section,
    Seed,
    SomeNames,
)

Integers = Annotated[tuple[PositiveInt, ...], Field(min_length=1), UNIQUE]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1), UNIQUE]


class BatchGrowth(Section):
    """A change of the batch size during training."""

    tokens: Positive = Field(description="Training tokens from which this factor applies.")
    factor: PositiveInt = Field(
        description="Batch size as a multiple of the first; the learning rate grows by its square root."
    )


class Design(Section):
    """The runs to train: a grid of budgets and model sizes per corpus, optimizer and seed."""

    recipe: str = Field(description="A module of relscale.design.recipes.")
    flop_accounting: Literal["forward", "training"] = Field(
        description="FLOPs counted in a budget; training FLOPs are three times the forward FLOPs."
    )
    sequence_length: int = Field(default=256, ge=2, description="Tokens per sequence.")
    optimizers: SomeNames = Field(
        default=("c-adamc",), description="Modules of relscale.training.optimizers."
    )
    budgets: Annotated[tuple[Positive, ...], Field(min_length=1), UNIQUE] = Field(
        description="Compute budgets, in FLOPs as flop_accounting counts them."
    )
    widths: Integers | dict[str, Integers] | None = Field(
        default=None,
        description="Hidden sizes to train, for every budget or per budget; the recipe's by default.",
    )
    schedule: Literal["wsd", "cosine", "linear"] | None = Field(
        default=None,
        description="Learning rate after warm-up: constant, then decay (wsd), or immediate decay along a "
        "half cosine or a line; the recipe's by default, which is wsd in all but step-law.",
    )
    warmup: Annotated[float, Field(ge=0, le=0.5)] | None = Field(
        default=None,
        description="Share of the steps over which the learning rate rises; the recipe's by default.",
    )
    decay: Annotated[float, Field(ge=0, le=0.5)] | None = Field(
        default=None,
        description="Share of the steps over which the learning rate of wsd falls; the recipe's by default.",
    )
    learning_rate: PowerOfRun | None = Field(
        default=None,
        description="The peak learning rate of every run and optimizer; the recipe's by default.",
    )
    batch_tokens: PowerOfRun | None = Field(
        default=None,
        description="Tokens per batch as a power of the run's tokens, rounded to whole sequences; the "
        "recipe's batch by default.",
    )
    batch_schedule: tuple[BatchGrowth, ...] = Field(
        default=(),
        description="Batch ramp of a run, by the tokens seen; runs that see fewer tokens keep their "
        "batch. Warm-up and decay are then shares of the tokens.",
    )
    mixtures: Mixtures | None = Field(
        default=None,
        description="Random mixtures of text to train on besides the corpora, for a mixture law.",
    )
    seeds: Seeds | dict[str, Seeds] = Field(
        default={},
        description="Seeds of the runs, for every budget or per budget; by default the experiment's seed.",
    )


class PlacementOptions(Section):
    """Placement of a run; unset options follow from the run and the hardware."""

    precision: Literal["auto", "float32", "bf16"] = Field(
        default="auto",
        description="Number format of matrix products; auto is bf16 if that is faster (relscale doctor), "
        "else float32.",
    )
    strategy: Literal["auto", "single", "ddp", "fsdp"] = Field(
        default="auto",
        description="Distribution of a run over devices: a full copy of the state per device (ddp), or shards (fsdp). "
        "auto follows from the section hardware (relscale.design.placement); the choice affects numbers by rounding "
        "only.",
    )
    devices: Literal["auto"] | PositiveInt = Field(
        default="auto", description="Devices per run; processes of this machine if it has no GPU."
    )
    micro_batch: Literal["auto"] | PositiveInt = Field(
        default="auto",
        description="Sequences that a device processes at once; gradients are accumulated over the planned "
        "batch.",
    )
    activation_checkpointing: Literal["auto"] | bool = Field(
        default="auto",
        description="Recompute layers in the backward pass instead of keeping their activations.",
    )


class Hardware(Section):
    """The plan's assumptions about the machines.

    On one device a run takes tokens × (seconds_per_token + training FLOPs per token / (utilization ×
    flops_per_second)): narrow models are limited by memory traffic, not by FLOPs. On several devices the time is
    divided by their number. The strategy and the number of devices follow from memory_bytes and hours
    (relscale.design.placement).
    """

    flops_per_second: Positive = Field(
        default=5e10,
        description="FLOPs per second of one device: its peak, to be multiplied by utilization; or the rate that "
        "models reach, with a utilization of 1.",
    )
    utilization: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Model FLOPs utilisation: the share of flops_per_second that training reaches.",
    )
    seconds_per_token: float = Field(
        default=0.0, ge=0, description="Time per token that does not depend on the model, in seconds."
    )
    seconds_per_step: float = Field(
        default=0.0, ge=0, description="Time per step that does not depend on the batch, in seconds."
    )
    memory_bytes: Annotated[Positive | None, NULLABLE] = Field(
        default=None, description="Memory of one device, in bytes; null means no limit."
    )
    gpus_per_node: Count = Field(
        default=0, description="GPUs per node; 0 if runs are trained on a processor."
    )
    nodes: PositiveInt = Field(default=1, description="Maximum number of nodes for one run.")
    hours: Annotated[Positive | None, NULLABLE] = Field(
        default=None,
        description="A longer run gets more devices, if available.",
    )
