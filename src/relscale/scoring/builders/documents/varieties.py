"""The same documents in the spelling of several countries."""

from collections import Counter
from pathlib import Path

import pyarrow as pa

from relscale.corpora.documents import DocumentRow
from relscale.errors import RelscaleError
from relscale.experiments.section import PositiveInt, Section
from relscale.scoring.builders.held_out import excerpt, held_out
from relscale.scoring.manifest import Manifest, Task
from relscale.scoring.spelling import read_spellings, respell
from relscale.scoring.task_data import TaskData

TABLE = "spelling.tsv"
REFERENCE = "GB"  # the variety by which documents are chosen


class Options(Section):
    """Options of the builder."""

    part: str
    bytes: PositiveInt
    changes: PositiveInt
    documents: PositiveInt
    documents_of_a_package: PositiveInt


def build(documents: pa.Table, manifest: Manifest, folder: Path, seed: int) -> list[TaskData]:
    """One task per variety, all of the same documents with the same ids.

    The documents are those with the most changed words per byte in British spelling, at least ``changes`` of them. A
    document that already has a British spelling is excluded, because it belongs to no variety.
    """
    options = manifest.options_of(Options)
    british = read_spellings(folder / TABLE, REFERENCE)
    american = {spelling: word for word, spelling in british.items()}
    candidates = []
    for row in held_out(documents, options.part, seed):
        text = excerpt(row.text, options.bytes)
        changes = respell(text, british)[1]
        if changes >= options.changes and not respell(text, american)[1]:
            candidates.append((changes / len(text.encode()), row, text))
    if not candidates:
        raise RelscaleError(
            f"no held-out document has {options.changes} words with a different British spelling; "
            "lower the suite's option 'changes', or add text to the test split"
        )
    # A single package can have most occurrences of a word (plotly: color); it should not dominate the suite.
    selected: list[tuple[DocumentRow, str]] = []
    taken: Counter[str] = Counter()
    for _, row, text in sorted(candidates, key=lambda candidate: (-candidate[0], candidate[1].id)):
        if len(selected) < options.documents and taken[row.package] < options.documents_of_a_package:
            selected.append((row, text))
            taken[row.package] += 1
    tasks = []
    for name, group in manifest.groups.items():
        words = read_spellings(folder / TABLE, group.spelling) if group.spelling else {}
        rows = [
            {"id": row.id, "module": row.module, "text": respell(text, words)[0]} for row, text in selected
        ]
        tasks.append(TaskData(name, Task(name), sorted(rows, key=lambda d: str(d["id"]))))
    return tasks
