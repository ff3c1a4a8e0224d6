"""Write the reference of the tables, docs/reference/tables.md, from their row types."""

import inspect
from pathlib import Path

from relscale.corpora.documents import DocumentRow
from relscale.fitting.fits import ROWS
from relscale.measurements.measurement import Measurement, Replicate, Response
from relscale.scoring.checkpoint_table import Checkpoint
from relscale.scoring.items import Item
from relscale.scoring.requests import Request
from relscale.scoring.task_values import TaskValue
from relscale.storage.rows import columns_of
from relscale.studies.critical_batches import CriticalBatchRow
from relscale.tokens.build import StoredDocument
from relscale.tokens.shards import ShardDocument
from relscale.training.branch_row import BranchRow
from relscale.training.result import CurveRow

HEAD = """# The tables

Made by `python docs/make_tables.py`; do not edit. Paths are those of a result's folder or of the store.
If a number is null, the status of its row states the reason.
"""
STAGES: dict[str, tuple[str, dict[str, type]]] = {
    "Corpora": ("corpora/SOURCE", {"documents": DocumentRow}),
    "Tokens": (
        "tokens/CORPUS, and STORE/tokens/KEY/NUMBER for each shard",
        {"documents": StoredDocument, "documents of a shard": ShardDocument},
    ),
    "Training": ("STORE/runs/KEY", {"curve": CurveRow, "branches": BranchRow}),
    "Critical batches": ("critical_batches.parquet", {"critical_batches": CriticalBatchRow}),
    "Checkpoints that others trained": ("runs.table of a config, or an export", {"checkpoints": Checkpoint}),
    "Scoring": (
        "suites/SUITE/requests.parquet, STORE/items/KEY.parquet, STORE/task_metrics/KEY.parquet",
        {"requests": Request, "items": Item, "task_metrics": TaskValue},
    ),
    "Measurements": (
        "measurements.parquet, replicates.parquet, responses.parquet",
        {"measurements": Measurement, "replicates": Replicate, "responses": Response},
    ),
    "Fits": ("fits/TABLE.parquet; `relscale fit` of a table writes them too", ROWS),
}


def page() -> str:
    """The page: one part per stage, one section per table, one line per column."""
    lines = [HEAD]
    for stage, (where, tables) in STAGES.items():
        lines += [f"## {stage}", "", f"In {where}.", ""]
        for name, row in tables.items():
            lines += _section(name, row)
    return "\n".join(lines)


def _section(name: str, row: type) -> list[str]:
    lines = [f"### {name}", "", inspect.cleandoc(row.__doc__ or ""), ""]
    lines += ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
    for column in columns_of(row):
        values = f" One of: {', '.join(column.values)}." if 0 < len(column.values) <= 12 else ""
        kind = "string" if str(column.type).startswith("dictionary") else str(column.type)
        cells = (f"`{column.name}`", kind, column.unit, f"{column.description}{values}")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return [*lines, ""]


if __name__ == "__main__":
    Path(__file__).with_name("reference").joinpath("tables.md").write_text(page(), encoding="utf-8")
