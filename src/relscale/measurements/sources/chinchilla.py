"""The points of Figure 4 of *Training Compute-Optimal Large Language Models*: params, training FLOPs and loss."""

from pathlib import Path

import pyarrow as pa

from relscale.storage.tables import read_table


def load(path: Path) -> pa.Table:
    """One row per run."""
    table = read_table(path, ("params", "tokens", "training_flops", "loss"))
    params, flops = table["params"], table["training_flops"]
    spent = zip(params.to_pylist(), flops.to_pylist(), strict=True)
    columns = {
        "corpus": pa.repeat("chinchilla", table.num_rows),
        "run": pa.array([f"N={n:.6g} C={c:.6g}" for n, c in spent]),
        "training_flops": flops,
        "params": params,
        "tokens": table["tokens"],
        "suite": pa.repeat("chinchilla", table.num_rows),
        "group": pa.repeat("all", table.num_rows),
        "metric": pa.repeat("nats_per_token", table.num_rows),
        "value": table["loss"],
    }
    return pa.table(columns)
