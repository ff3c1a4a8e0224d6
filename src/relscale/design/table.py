"""The plan as a table, one row per run."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from tabulate import tabulate

from relscale.design.architecture import activations_per_token
from relscale.design.isoflop import Dropped
from relscale.design.placement import Placement
from relscale.design.run import Run, budget_label
from relscale.storage.rows import column, table_of
from relscale.training.branches import branch_cost
from relscale.training.options import Branches

# a run's name contains its corpus, budget, width, layers, batch, optimizer and seed
TERMINAL_COLUMNS = ("run", "train_steps", "learning_rate", "params", "tokens", "training_flops")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One row per run: design, size, placement and expected cost."""

    run: str = column("Name of the run.")
    corpus: str = column("Corpus of the run.")
    optimizer: str = column("Name of the optimizer.")
    budget: float = column("Compute budget by the experiment's accounting.", "FLOPs")
    hidden_size: int = column("Width of the model.")
    num_layers: int = column("Layers of the model.")
    batch_size: int = column("Batch size.", "sequences")
    train_steps: int = column("Updates.", "steps")
    learning_rate: float = column("Peak learning rate.")
    seed: int = column("Seed of the run.")
    params: int = column("Size of the model.", "parameters")
    tokens: int = column("Training tokens.", "tokens")
    activations_per_token: int = column("Outputs of the projections of all layers per token.")
    training_flops: float = column("Compute, forward and backward.", "FLOPs")
    strategy: str = column("Distribution over devices: single, ddp or fsdp.")
    devices: int = column("Devices of the run.", "devices")
    micro_batch: int = column("Sequences that a device processes at once.", "sequences")
    activation_checkpointing: bool = column("Whether activations are recomputed in the backward pass.")
    memory_mb: int = column("Memory per device.", "10^6 bytes")
    branches: int = column("Number of branches with larger batches.")
    branch_tokens: int = column("Training tokens of the branches.", "tokens")
    branch_flops: float = column("Compute of the branches, in addition to that of the run.", "FLOPs")
    expected_seconds: float = column("Expected time on these devices, with the branches.", "seconds")
    device_hours: float = column("Expected time, summed over devices.", "hours")


def plan_table(
    runs: Sequence[Run], placements: Sequence[Placement], branches: Branches | None = None
) -> pa.Table:
    """The plan, `PlannedRun` rows."""
    return table_of(PlannedRun, _rows(runs, placements, branches))


def format_plan(
    runs: Sequence[Run], placements: Sequence[Placement], branches: Branches | None = None
) -> str:
    """The plan for a terminal."""
    planned = _rows(runs, placements, branches)
    rows = [_terminal_row(row, any(run.branches for run in planned)) for row in planned]
    align = ("left", *["right"] * (len(rows[0]) - 1))
    return str(tabulate(rows, headers="keys", colalign=align, disable_numparse=True))


def format_dropped(dropped: Sequence[Dropped]) -> list[str]:
    """One line per budget with excluded widths: the reason for the first, and the number of others."""
    widths: dict[float, list[Dropped]] = {}
    for cell in dropped:
        widths.setdefault(cell.budget, []).append(cell)
    return [
        f"excluded, budget {budget_label(budget)}: {cells[0].reason}"
        + (f"; and {len(cells) - 1} more, up to {cells[-1].hidden_size}" if len(cells) > 1 else "")
        for budget, cells in widths.items()
    ]


def _terminal_row(row: PlannedRun, with_branches: bool) -> dict[str, str]:
    formats = {"learning_rate": ".3g", "training_flops": ".4g"}
    seconds = row.expected_seconds
    return {
        **{
            name: format(getattr(row, name), formats.get(name, "" if name == "run" else ","))
            for name in TERMINAL_COLUMNS
        },
        "GB": f"{row.memory_mb / 1000:.3g}",
        "devices": f"{row.devices} {row.strategy}" if row.devices > 1 else "1",
        "micro-batch": f"{row.micro_batch}{' recomputed' if row.activation_checkpointing else ''}",
        **({"branches": f"{row.branches}, {row.branch_tokens:,} tokens"} if with_branches else {}),
        "time": f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds:.1f} s",
    }


def _rows(
    runs: Sequence[Run], placements: Sequence[Placement], branches: Branches | None
) -> list[PlannedRun]:
    return [_row(run, placement, branches) for run, placement in zip(runs, placements, strict=True)]


def _row(run: Run, placement: Placement, branches: Branches | None) -> PlannedRun:
    cost = branch_cost(run, branches)
    return PlannedRun(
        run=run.name,
        corpus=run.corpus,
        optimizer=run.hyperparameters.optimizer,
        budget=run.budget,
        hidden_size=run.architecture.hidden_size,
        num_layers=run.architecture.num_layers,
        batch_size=run.batch_size,
        train_steps=run.train_steps,
        learning_rate=run.hyperparameters.learning_rate,
        seed=run.seed,
        params=run.params,
        tokens=run.tokens,
        activations_per_token=activations_per_token(run.architecture),
        training_flops=float(run.training_flops),
        strategy=placement.strategy,
        devices=placement.devices,
        micro_batch=placement.micro_batch,
        activation_checkpointing=placement.activation_checkpointing,
        memory_mb=round(placement.device_bytes / 1e6),
        branches=cost.branches,
        branch_tokens=cost.tokens,
        branch_flops=cost.share * run.training_flops,
        expected_seconds=round(placement.seconds * (1 + cost.share), 1),
        device_hours=placement.device_hours * (1 + cost.share),
    )
