"""The models of *Language models scale reliably with over-training and on downstream tasks* (arXiv 2403.08540)."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from relscale.storage.tables import read_table

NEEDED = (
    "run",
    "corpus",
    "params",
    "tokens",
    "training_flops",
    "group",
    "metric",
    "value",
    "low95",
    "high95",
)

LOSS = "loss_nats_per_token"
AVERAGES = ("average_17", "average_46")
LIMITS = 2 * 1.96  # standard errors between 95% limits of a mean over thousands of sequences


def load(path: Path) -> pa.Table:
    """Losses (suite "overtraining"), the averages of top-1 errors ("downstream"), and those of each task."""
    table = read_table(path, NEEDED)
    is_loss = pc.equal(table["metric"], LOSS)
    is_average = pc.is_in(table["group"], pa.array(AVERAGES))
    columns = {
        **{name: table[name] for name in ("run", "corpus", "params", "tokens", "training_flops", "group")},
        "suite": pc.if_else(
            is_loss, "overtraining", pc.if_else(is_average, "downstream", "downstream_tasks")
        ),
        "metric": pc.if_else(is_loss, "nats_per_token", "error_rate"),
        "value": table["value"],
        "stderr": pc.divide(pc.subtract(table["high95"], table["low95"]), LIMITS),
    }
    return pa.table(columns)
