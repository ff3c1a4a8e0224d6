"""The plan as a table, one row a run."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from tabulate import tabulate

from relscale.design.cost import Hardware, memory, seconds
from relscale.design.run import Run


def plan_table(runs: Sequence[Run], hardware: Hardware) -> pa.Table:
    """Design, size and expected cost of each run.

    Units: ``budget`` in FLOPs by the experiment's accounting, ``training_flops`` forward and backward, ``tokens`` and
    ``params`` as counts, ``memory_mb`` in 10^6 bytes, ``expected_seconds`` on the stated hardware.
    """
    return pa.Table.from_pylist([_row(run, hardware) for run in runs])


def format_table(table: pa.Table) -> str:
    """The plan for a terminal, with its sums below."""
    rows = [{name: _show(name, value) for name, value in row.items()} for row in table.to_pylist()]
    flops, time = (sum(table[name].to_pylist()) for name in ("training_flops", "expected_seconds"))
    total = f"{len(rows)} runs, {flops:.3g} training FLOPs, {time / 60:.1f} minutes one after another"
    return f"{tabulate(rows, headers='keys', stralign='right')}\n\n{total}"


def _show(name: str, value: Any) -> str:
    if name == "learning_rate":
        return f"{value:.3g}"
    if name in ("budget", "training_flops"):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _row(run: Run, hardware: Hardware) -> dict[str, Any]:
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
        "memory_mb": round(memory(run) / 1e6),
        "expected_seconds": round(seconds(run, hardware), 1),
    }
