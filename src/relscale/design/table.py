"""The plan as a table, one row per run."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from tabulate import tabulate

from relscale.design.isoflop import Dropped
from relscale.design.placement import Placement
from relscale.design.run import Run, budget_label

# Of a terminal; a run's name has its corpus, budget, width, layers, batch, optimizer and seed already.
SHOWN = ("run", "train_steps", "learning_rate", "params", "tokens", "training_flops")


def plan_table(runs: Sequence[Run], placements: Sequence[Placement]) -> pa.Table:
    """Design, size, placement and expected cost of each run.

    Units: ``budget`` in FLOPs by the experiment's accounting, ``training_flops`` forward and backward, ``tokens`` and
    ``params`` as counts, ``micro_batch`` in sequences per device, ``memory_mb`` in 10^6 bytes per device,
    ``expected_seconds`` on these devices, ``device_hours`` over all of them.
    """
    return pa.Table.from_pylist(
        [_row(run, placement) for run, placement in zip(runs, placements, strict=True)]
    )


def format_table(table: pa.Table) -> str:
    """The plan for a terminal."""
    rows = [_shown(row) for row in table.to_pylist()]
    align = ("left", *["right"] * (len(rows[0]) - 1))
    return str(tabulate(rows, headers="keys", colalign=align, disable_numparse=True))


def format_dropped(dropped: Sequence[Dropped]) -> list[str]:
    """A line for each budget: the widths of the grid that train nothing, and why the first of them does not."""
    widths: dict[float, list[Dropped]] = {}
    for cell in dropped:
        widths.setdefault(cell.budget, []).append(cell)
    return [
        f"left out, budget {budget_label(budget)}: {cells[0].reason}"
        + (f"; so are {len(cells) - 1} more, up to {cells[-1].hidden_size}" if len(cells) > 1 else "")
        for budget, cells in widths.items()
    ]


def _shown(row: dict[str, Any]) -> dict[str, str]:
    formats = {"learning_rate": ".3g", "training_flops": ".4g"}
    seconds = row["expected_seconds"]
    return {
        **{name: format(row[name], formats.get(name, "" if name == "run" else ",")) for name in SHOWN},
        "GB": f"{row['memory_mb'] / 1000:.3g}",
        "devices": f"{row['devices']} {row['strategy']}" if row["devices"] > 1 else "1",
        "micro-batch": f"{row['micro_batch']}{' recomputed' if row['activation_checkpointing'] else ''}",
        "time": f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds:.1f} s",
    }


def _row(run: Run, placement: Placement) -> dict[str, Any]:
    return {
        "run": run.name,
        "corpus": run.corpus,
        "optimizer": run.hyperparameters.optimizer,
        "budget": run.budget,
        "hidden_size": run.architecture.hidden_size,
        "num_layers": run.architecture.num_layers,
        "batch_size": run.batch_size,
        "train_steps": run.train_steps,
        "learning_rate": run.hyperparameters.learning_rate,
        "seed": run.seed,
        "params": run.params,
        "tokens": run.tokens,
        "training_flops": float(run.training_flops),
        "strategy": placement.strategy,
        "devices": placement.devices,
        "micro_batch": placement.micro_batch,
        "activation_checkpointing": placement.activation_checkpointing,
        "memory_mb": round(placement.device_bytes / 1e6),
        "expected_seconds": round(placement.seconds, 1),
        "device_hours": placement.device_hours,
    }
