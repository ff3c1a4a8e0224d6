"""Goodput: throughput times the statistical efficiency of a token in a batch of that size.

The progress per token decreases with the batch B, by the critical batch φ of McCandlish et al. (2018, arXiv
1812.06162): reaching a given loss takes E = E_min·(1 + B/φ) tokens, so that

    SE(B) = φ / (φ + B)          statistical efficiency
    goodput = T(B)·SE(B)         T is the throughput in tokens per second (arXiv 2604.26687)

With a step of a + c·B seconds, it is largest at B* = √(a·φ/c). If the learning rate grows with √B, as for Adam below
its plateau, progress per token also grows with √B, and T·SE·√B is largest at

    B* = [(a/c + φ) + √((a/c + φ)² + 12·a·φ/c)] / 2

φ is measured by training at several batch sizes; twice the gradient noise scale is a rough estimate. B* is proportional
to √φ: a factor of 2 in φ is a factor of 1.4 in B*.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tabulate import tabulate

from relscale.design.cost import seconds
from relscale.design.options import Hardware, PlacementOptions
from relscale.design.placement import place
from relscale.design.run import Run, budget_label
from relscale.errors import RelscaleError

FACTORS = tuple(2.0**power for power in range(-4, 5))  # of the planned batch


@dataclass(frozen=True)
class BatchCost:
    """Cost of reaching the same loss at another batch size.

    Attributes
    ----------
    run
        The run at this batch size, with its steps to the same loss.
    best
        Whether this batch is the fastest.
    """

    run: Run
    tokens: float
    devices: int
    micro_batch: int
    hours: float
    best: bool = False


def statistical_efficiency(batch: float, critical: float) -> float:
    """Progress per token at a batch size, relative to a small batch."""
    return critical / (critical + batch)


def best_batch(seconds_per_step: float, seconds_per_token: float, critical: float) -> float:
    """Batch of the largest T·SE, in the unit of the critical batch: √(a·φ/c), for a step of a + c·B seconds."""
    return math.sqrt(seconds_per_step * critical / seconds_per_token)


def best_batch_for_root(seconds_per_step: float, seconds_per_token: float, critical: float) -> float:
    """Batch of the largest T·SE·√B, for a learning rate that grows with √B and progress that grows with the rate."""
    step_tokens = seconds_per_step / seconds_per_token  # tokens processed in the fixed time of a step
    return (
        step_tokens + critical + math.sqrt((step_tokens + critical) ** 2 + 12 * step_tokens * critical)
    ) / 2


def batch_costs(run: Run, hardware: Hardware, training: PlacementOptions, critical: float) -> list[BatchCost]:
    """Costs of reaching the planned loss at batch sizes around the planned one.

    Parameters
    ----------
    hardware, training
        The config's sections; small batches are slow because of ``hardware.seconds_per_step``.
    critical
        The critical batch, in tokens.

    Returns
    -------
    list of BatchCost
        Sorted by batch; batches that fit no device are excluded.
    """
    costs = list(_costs(run, hardware, training, critical))
    fastest = min(cost.hours for cost in costs)
    return [replace(cost, best=cost.hours == fastest) for cost in costs]


def _costs(run: Run, hardware: Hardware, training: PlacementOptions, critical: float) -> Iterator[BatchCost]:
    length = run.architecture.sequence_length
    planned = statistical_efficiency(run.batch_size * length, critical)
    for batch in dict.fromkeys(max(1, round(factor * run.batch_size)) for factor in FACTORS):
        tokens = run.tokens * planned / statistical_efficiency(batch * length, critical)
        steps = max(1, round(tokens / (batch * length)))
        rebatched = replace(run, batch_size=batch, train_steps=steps, batch_schedule=())
        try:
            placement = place(rebatched, hardware, training)
        except RelscaleError:
            if batch == run.batch_size:
                raise
            continue
        yield BatchCost(rebatched, tokens, placement.devices, placement.micro_batch, placement.seconds / 3600)


def format_goodput(
    runs: Sequence[Run], hardware: Hardware, training: PlacementOptions, critical: float
) -> str:
    """A table for a terminal: the widest run per budget at each batch; ``*`` is the fastest, ``=`` as planned."""
    widest: dict[float, Run] = {}
    for run in runs:
        if run.budget not in widest or run.params > widest[run.budget].params:
            widest[run.budget] = run
    rows = [
        {
            "budget": budget_label(budget),
            "width": run.architecture.hidden_size,
            "batch": f"{cost.run.batch_size:,}",
            "tokens": f"{cost.tokens:.4g}",
            "steps": f"{cost.run.train_steps:,}",
            "devices": cost.devices,
            "micro-batch": cost.micro_batch,
            "hours": f"{cost.hours:.4g}",
            "": ("=" if cost.run.batch_size == run.batch_size else "") + ("*" if cost.best else ""),
        }
        for budget, run in widest.items()
        for cost in batch_costs(run, hardware, training, critical)
    ]
    table = tabulate(rows, headers="keys", disable_numparse=True, colalign=("right",) * 8 + ("left",))
    lines = [
        table,
        f"= as planned, * fastest to the planned loss, for a critical batch of {critical:.4g} tokens",
    ]
    for budget, run in widest.items() if hardware.seconds_per_step else ():
        step = hardware.seconds_per_step, seconds(run, hardware) / run.tokens, critical
        lines.append(
            f"budget {budget_label(budget)}, on one device: largest goodput at {best_batch(*step):,.0f} tokens per "
            f"batch, or {best_batch_for_root(*step):,.0f} if the learning rate grows with the square root of the batch"
        )
    return "\n".join(lines)
