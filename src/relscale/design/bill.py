"""The cost estimate of an experiment's training: device-hours, and bytes of tokens and checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass

from relscale.design.memory import MOMENTS, WIDE
from relscale.design.options import Hardware
from relscale.design.placement import Placement
from relscale.design.run import Run
from relscale.training.branches import branch_cost, furthest_token
from relscale.training.options import Branches

MAX_UINT16_VOCABULARY = 1 << 16  # a token of a larger vocabulary has four bytes in a store, others two


@dataclass(frozen=True)
class Bill:
    """Totals of a plan.

    Attributes
    ----------
    training_flops
        Forward and backward, of all runs and their branches.
    seconds
        Expected time of all runs and their branches in sequence.
    device_hours
        Expected device time of all runs and their branches.
    longest
        Seconds of the longest run with its branches.
    token_bytes
        Size of the token stores; per corpus, the tokens up to the last that a run or branch reads.
    checkpoint_bytes
        Float32 weights of every finished run and of its intermediate checkpoints.
    state_bytes
        Saved weights and moments of the largest run, for resuming, and as much per checkpoint that it branches from;
        deleted at its end.
    branches, branch_flops, branch_seconds
        Number of branches of all runs, and their part of the compute and of the time.
    """

    runs: int
    training_flops: float
    seconds: float
    device_hours: float
    longest: float
    token_bytes: int
    checkpoint_bytes: int
    state_bytes: int
    branches: int = 0
    branch_flops: float = 0.0
    branch_seconds: float = 0.0


def bill(
    runs: Sequence[Run],
    placements: Sequence[Placement],
    checkpoints: Sequence[float] = (),
    branches: Branches | None = None,
) -> Bill:
    """Totals of a plan.

    Parameters
    ----------
    checkpoints
        Shares of a run's steps at which weights are saved; the last step is always saved.
    branches
        Branches of every run, assumed to take as long per token as the run.
    """
    last_byte: dict[str, int] = {}
    for run in runs:
        last_byte[run.corpus] = max(
            last_byte.get(run.corpus, 0), furthest_token(run, branches) * _token_bytes(run)
        )
    saved_models = 1 + sum(share < 1 for share in checkpoints)
    costs = [branch_cost(run, branches) for run in runs]
    branch_flops = sum(cost.share * run.training_flops for cost, run in zip(costs, runs, strict=True))
    branch_seconds = [
        cost.share * placement.seconds for cost, placement in zip(costs, placements, strict=True)
    ]
    seconds = [
        placement.seconds + branch for placement, branch in zip(placements, branch_seconds, strict=True)
    ]
    states = 1 + (len(branches.shares) + 1 if branches else 0)  # one at each checkpoint, and one of a branch
    return Bill(
        runs=len(runs),
        training_flops=float(sum(run.training_flops for run in runs) + branch_flops),
        seconds=sum(seconds),
        device_hours=sum(
            placement.devices * run_seconds / 3600
            for placement, run_seconds in zip(placements, seconds, strict=True)
        ),
        longest=max(seconds),
        token_bytes=sum(last_byte.values()),
        checkpoint_bytes=sum(saved_models * WIDE * run.params for run in runs),
        state_bytes=max(states * (1 + MOMENTS) * WIDE * run.params for run in runs),
        branches=sum(cost.branches for cost in costs),
        branch_flops=float(branch_flops),
        branch_seconds=sum(branch_seconds),
    )


def format_bill(bill: Bill, hardware: Hardware) -> str:
    """The cost estimate for a terminal, with its assumptions."""
    if hardware.gpus_per_node == 0:
        minutes = bill.seconds / 60
        shown = f"{minutes:.1f}" if minutes >= 1 else f"{minutes:.2g}"
        time = f"{shown} minutes in sequence by the section hardware (relscale doctor --steps)"
    else:
        time = (
            f"{bill.device_hours:,.0f} GPU-hours, the longest run {bill.longest / 3600:.1f} hours; assumed: "
            f"{hardware.utilization:.0%} of {hardware.flops_per_second:.4g} FLOP/s on each GPU"
        )
    branches = ""
    if bill.branches:
        branches = f"{bill.branches} branches with larger batches are {bill.branch_flops:.3g} of these FLOPs"
        if hardware.gpus_per_node == 0:
            branches += f" and {bill.branch_seconds / 60:.3g} of these minutes"
        branches += "\n"
    return (
        f"{bill.runs} runs, {bill.training_flops:.3g} training FLOPs, {time}\n{branches}"
        f"storage: tokens {_size(bill.token_bytes)}, checkpoints {_size(bill.checkpoint_bytes)}; during the "
        f"largest run {_size(bill.state_bytes)} more"
    )


def _token_bytes(run: Run) -> int:
    return 2 if run.architecture.vocabulary_size <= MAX_UINT16_VOCABULARY else 4


def _size(count: int) -> str:
    for unit, factor in (("TB", 1e12), ("GB", 1e9)):
        if count >= factor:
            return f"{count / factor:.2f} {unit}"
    return f"{count / 1e6:.1f} MB"
