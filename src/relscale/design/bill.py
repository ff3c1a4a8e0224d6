"""The cost estimate of an experiment's training: device-hours, and bytes of tokens and checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass

from relscale.design.memory import MOMENTS, WIDE
from relscale.design.options import Hardware
from relscale.design.placement import Placement
from relscale.design.run import Run

SHORT_VOCABULARY = 1 << 16  # up to so many tokens, one takes two bytes in a store; else four


@dataclass(frozen=True)
class Bill:
    """Totals of a plan.

    Attributes
    ----------
    runs
        Number of runs.
    training_flops
        Forward and backward, of all runs.
    seconds
        Expected time of all runs in sequence.
    device_hours
        Expected device time of all runs.
    longest
        Seconds of the longest run.
    token_bytes
        Size of the token stores; of each corpus, the tokens that its largest run reads.
    checkpoint_bytes
        Float32 weights of every finished run and of its intermediate checkpoints.
    state_bytes
        Weights and moments of the largest run, from which it resumes after an interruption; kept until it is done.
    """

    runs: int
    training_flops: float
    seconds: float
    device_hours: float
    longest: float
    token_bytes: int
    checkpoint_bytes: int
    state_bytes: int


def bill(runs: Sequence[Run], placements: Sequence[Placement], checkpoints: Sequence[float] = ()) -> Bill:
    """Totals of a plan.

    Parameters
    ----------
    runs, placements
        The runs, and the placement of each.
    checkpoints
        Shares of a run's steps at which weights are saved; the last step is always saved.
    """
    largest: dict[str, Run] = {}
    for run in runs:
        if run.corpus not in largest or run.tokens > largest[run.corpus].tokens:
            largest[run.corpus] = run
    saved_models = 1 + sum(share < 1 for share in checkpoints)
    return Bill(
        runs=len(runs),
        training_flops=float(sum(run.training_flops for run in runs)),
        seconds=sum(placement.seconds for placement in placements),
        device_hours=sum(placement.device_hours for placement in placements),
        longest=max(placement.seconds for placement in placements),
        token_bytes=sum(run.tokens * _token_bytes(run) for run in largest.values()),
        checkpoint_bytes=sum(saved_models * WIDE * run.params for run in runs),
        state_bytes=max((1 + MOMENTS) * WIDE * run.params for run in runs),
    )


def format_bill(bill: Bill, hardware: Hardware) -> str:
    """The cost estimate for a terminal, with its assumptions."""
    if hardware.gpus_per_node == 0:
        time = f"{bill.seconds / 60:.1f} minutes in sequence"
    else:
        time = (
            f"{bill.device_hours:,.0f} GPU-hours, the longest run {bill.longest / 3600:.1f} hours; assumed: "
            f"{hardware.utilization:.0%} of {hardware.flops_per_second:.4g} FLOP/s on each GPU"
        )
    return (
        f"{bill.runs} runs, {bill.training_flops:.3g} training FLOPs, {time}\n"
        f"storage: tokens {_size(bill.token_bytes)}, checkpoints {_size(bill.checkpoint_bytes)}; while the largest run "
        f"is under way {_size(bill.state_bytes)} more"
    )


def _token_bytes(run: Run) -> int:
    return 2 if run.architecture.vocabulary_size <= SHORT_VOCABULARY else 4


def _size(count: int) -> str:
    for unit, factor in (("TB", 1e12), ("GB", 1e9)):
        if count >= factor:
            return f"{count / factor:.2f} {unit}"
    return f"{count / 1e6:.1f} MB"
