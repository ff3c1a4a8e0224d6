"""The plan as a table, one row a run."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from relscale.design.cost import Hardware, memory, seconds
from relscale.design.run import Run


def plan_table(runs: Sequence[Run], hardware: Hardware) -> pa.Table:
    """Design, size and expected cost of each run.

    Units: ``budget`` in FLOPs by the experiment's accounting, ``training_flops`` forward and backward, ``tokens`` and
    ``params`` as counts, ``memory_mb`` in 10^6 bytes, ``expected_seconds`` on the stated hardware.
    """
    return pa.Table.from_pylist([_row(run, hardware) for run in runs])


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
