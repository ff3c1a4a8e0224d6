"""Placement of a run: number of devices, sharding of the state, and micro-batch size."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Literal

from relscale.design.cost import seconds
from relscale.design.memory import WIDE, Layout, device_bytes
from relscale.design.options import Hardware, PlacementOptions
from relscale.design.run import Run
from relscale.errors import RelscaleError

USABLE = 0.9  # share of a device's memory; the rest is for context, communication buffers and fragmentation
PROCESS_BYTES = 900_000_000  # Python with torch, Lightning and transformers imported
GPU_PROCESS_BYTES = 8_000_000_000  # host memory of a GPU process: CUDA libraries and buffers
NEEDS_WHOLE_MATRICES = ("muon",)  # optimizers that cannot use the sharded matrices of fsdp
PLACEMENT_OPTIONS = ("devices", "strategy", "micro_batch", "activation_checkpointing")
ALL_AUTO = PlacementOptions()
MAX_BATCH = 10**11  # sequences per device, up to which divisors are computed
RECOMPUTATION = 4 / 3  # relative FLOPs of a step with a second forward pass


@dataclass(frozen=True)
class Placement:
    """The placement of a run on devices.

    Attributes
    ----------
    strategy
        ``single``; ``ddp``, a full state on each device; ``fsdp``, a sharded state.
    micro_batch
        Maximum sequences per device and forward pass. ``devices · micro_batch`` divides the planned batch.
    activation_checkpointing
        Whether layers are recomputed in the backward pass.
    device_bytes
        Peak memory of a device during a step.
    host_bytes
        Memory of the processes of one node.
    seconds
        Expected training time, without start-up and validation.
    """

    strategy: str
    devices: int
    nodes: int
    micro_batch: int
    activation_checkpointing: bool
    device_bytes: int
    host_bytes: int
    seconds: float

    @property
    def device_hours(self) -> float:
        """Expected time over all devices."""
        return self.devices * self.seconds / 3600


def place(run: Run, hardware: Hardware, options: PlacementOptions = ALL_AUTO) -> Placement:
    """Choose the cheapest placement that fits.

    It uses the fewest devices that train the run within ``hardware.hours`` (if none do, the fastest placement), and the
    first that fits of: full states; sharded states; full states with activation checkpointing; sharded states with
    activation checkpointing. Recomputation costs a third more compute, sharding only communication. The micro-batch is
    the largest that fits.

    Parameters
    ----------
    options
        Requested placement, from the config's section ``training``. Its ``devices``, ``strategy``, ``micro_batch`` and
        ``activation_checkpointing`` are used unless ``auto``; if all four are set, memory is not checked.

    Raises
    ------
    RelscaleError
        No placement fits the run, or the requested devices do not exist, cannot split the batch, or contradict the
        strategy.
    """
    _check(run, hardware, options)
    limit = math.inf if hardware.hours is None else 3600 * hardware.hours
    placements: list[Placement] = []
    for placement in _placements(run, hardware, options):
        if placement.seconds <= limit:
            return placement
        placements.append(placement)
    if not placements:
        raise RelscaleError(
            f"{run.name}: {run.params:,} parameters do not fit on {_most_devices(hardware)} devices of "
            f"{(hardware.memory_bytes or 0) / 1e9:.0f} GB; raise hardware.nodes, or remove the width"
        )
    return min(placements, key=lambda placement: placement.seconds)


def place_together(
    runs: Sequence[Run], hardware: Hardware, options: PlacementOptions = ALL_AUTO
) -> Placement:
    """Placement of the most demanding run; the other runs of its job get the same devices and strategy.

    If one of them needs whole matrices, states are not sharded.

    Raises
    ------
    RelscaleError
        As ``place``.
    """
    placements = [place(run, hardware, options) for run in runs]
    largest = max(placements, key=lambda placement: (placement.devices, placement.device_bytes))
    if largest.strategy == "fsdp" and any(
        run.hyperparameters.optimizer in NEEDS_WHOLE_MATRICES for run in runs
    ):
        return place_together(runs, hardware, options.model_copy(update={"strategy": "ddp"}))
    return largest


def _placements(run: Run, hardware: Hardware, options: PlacementOptions) -> Iterator[Placement]:
    """All placements that fit, each with its largest micro-batch, the cheapest first."""
    element = WIDE if hardware.gpus_per_node == 0 or options.precision == "float32" else 2
    all_set = all(getattr(options, name) != "auto" for name in PLACEMENT_OPTIONS)
    for devices in _device_counts(run, hardware, options):
        for strategy, recompute in _strategies(run, devices, options):
            shards = devices if strategy == "fsdp" else 1
            for micro_batch in _micro_batches(run, devices, options.micro_batch):
                layout = Layout(micro_batch, shards, element, recompute)
                needed = device_bytes(run.architecture, layout)
                if all_set or hardware.memory_bytes is None or needed <= USABLE * hardware.memory_bytes:
                    yield _placement(run, hardware, strategy, devices, layout, needed)
                    break


def _device_counts(run: Run, hardware: Hardware, options: PlacementOptions) -> list[int]:
    """Candidate numbers of devices: powers of two that split the batch, or the requested number."""
    if options.devices != "auto":
        return [options.devices]
    available = 1 if options.strategy == "single" else _most_devices(hardware)
    powers = [2**power for power in range(available.bit_length())]
    return [count for count in powers if run.batch_size % count == 0]


def _most_devices(hardware: Hardware) -> int:
    return max(1, hardware.gpus_per_node) * hardware.nodes


def _check(run: Run, hardware: Hardware, options: PlacementOptions) -> None:
    """Check the requested placement."""
    devices, strategy = options.devices, options.strategy
    available = _most_devices(hardware)
    if devices != "auto" and hardware.gpus_per_node and devices > available:
        raise RelscaleError(
            f"training.devices: {devices}, but the hardware has {available}; raise hardware.nodes or "
            "hardware.gpus_per_node"
        )
    if strategy == "single" and devices not in ("auto", 1):
        raise RelscaleError(
            f"training.devices: {devices}, but the strategy 'single' uses one; set ddp or fsdp"
        )
    optimizer = run.hyperparameters.optimizer
    if strategy == "fsdp" and optimizer in NEEDS_WHOLE_MATRICES:
        raise RelscaleError(
            f"training.strategy: {optimizer} needs whole matrices, which fsdp shards; set ddp"
        )


def _strategies(run: Run, devices: int, options: PlacementOptions) -> Iterator[tuple[str, bool]]:
    """Strategies, each with and without recomputation, the cheapest first."""
    requested, checkpointing = options.strategy, options.activation_checkpointing
    several = ["ddp"] if run.hyperparameters.optimizer in NEEDS_WHOLE_MATRICES else ["ddp", "fsdp"]
    strategies = [requested] if requested != "auto" else ["single"] if devices == 1 else several
    for recompute in [False, True] if checkpointing == "auto" else [checkpointing]:
        for strategy in strategies:
            yield strategy, recompute


def _micro_batches(run: Run, devices: int, requested: int | Literal["auto"]) -> Iterable[int]:
    """Micro-batches that divide a device's part of the batch, the largest first."""
    if run.batch_size % devices:
        raise RelscaleError(
            f"{run.name}: a batch of {run.batch_size} sequences cannot be divided among {devices} devices; "
            "set training.devices to a divisor of it"
        )
    share = run.batch_size // devices
    if requested == "auto":
        return chain([share], (share // divisor for divisor in _divisors(share)))
    if share % requested:
        raise RelscaleError(
            f"{run.name}: micro-batches of {requested} do not divide {share} sequences, a device's share of the batch; "
            "set training.micro_batch to a divisor of it"
        )
    return [requested]


def _divisors(number: int) -> Iterator[int]:
    """Divisors of a number, ascending, without 1; computed only when requested.

    Raises
    ------
    RelscaleError
        The number is too large for a batch.
    """
    if number > MAX_BATCH:
        raise RelscaleError(
            f"design.budgets: a batch of {number:.2g} sequences per device fits no memory; lower the budget, or name "
            "larger widths"
        )
    yield from _all_divisors(number)


@cache
def _all_divisors(number: int) -> tuple[int, ...]:
    small = [divisor for divisor in range(1, math.isqrt(number) + 1) if number % divisor == 0]
    large = [number // divisor for divisor in small[::-1] if divisor * divisor != number]
    return tuple([*small, *large][1:])


def _placement(
    run: Run, hardware: Hardware, strategy: str, devices: int, layout: Layout, needed: int
) -> Placement:
    per_node = max(1, hardware.gpus_per_node)
    node_devices = min(devices, per_node)
    weights = WIDE * run.params
    # each GPU process first builds the model in host memory; the first process gathers a state of three such copies
    process = GPU_PROCESS_BYTES + weights if hardware.gpus_per_node else PROCESS_BYTES + needed
    gathered = 3 * weights if hardware.gpus_per_node else 0
    return Placement(
        strategy=strategy,
        devices=devices,
        nodes=-(-devices // per_node),
        micro_batch=layout.sequences,
        activation_checkpointing=layout.recompute,
        device_bytes=needed,
        host_bytes=node_devices * process + gathered,
        seconds=seconds(run, hardware) / devices * (RECOMPUTATION if layout.recompute else 1)
        + run.train_steps * hardware.seconds_per_step,
    )
