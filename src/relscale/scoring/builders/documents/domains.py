"""Held-out documents by domain."""

from collections import defaultdict
from pathlib import Path

import pyarrow as pa

from relscale.experiments.section import PositiveInt, Section
from relscale.scoring.builders.held_out import excerpt, held_out
from relscale.scoring.manifest import Manifest, Task
from relscale.scoring.task_data import TaskData


class Options(Section):
    """Options of the builder."""

    part: str
    documents: PositiveInt
    bytes: PositiveInt


def build(documents: pa.Table, manifest: Manifest, folder: Path, seed: int) -> list[TaskData]:
    """One task per domain: its first ``documents`` documents, each truncated to ``bytes`` bytes."""
    options = manifest.options_of(Options)
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in held_out(documents, options.part, seed):
        if len(groups[row.group]) < options.documents:
            text = excerpt(row.text, options.bytes)
            groups[row.group].append({"id": row.id, "module": row.module, "text": text})
    return [
        TaskData(name, Task(name), sorted(groups[name], key=lambda d: str(d["id"])))
        for name in sorted(groups)
    ]
