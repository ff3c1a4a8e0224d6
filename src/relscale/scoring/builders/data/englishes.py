"""Documents of English from several regions, scored with context or whole."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet

from relscale.errors import RelscaleError
from relscale.experiments.section import Names, Section
from relscale.provenance import digest
from relscale.scoring.data_source import data_files
from relscale.scoring.manifest import WHOLE_DOCUMENT, Manifest, Task
from relscale.scoring.task_data import TaskData
from relscale.storage.text_file import read_text

GROWS = True  # regions are known from the data alone


class Options(Section):
    """Options of the builder."""

    forms: Names


def build(data: Path | None, manifest: Manifest) -> list[TaskData]:
    """One task per region and form.

    Parameters
    ----------
    data
        A folder with ``region/*.txt``, parquet with columns ``text`` and ``region``, or one parquet file per
        region, as on the hub. None: no task, because regions follow from the data.
    manifest
        The suite's manifest.

    Raises
    ------
    RelscaleError
        There are no such files.
    """
    if data is None:
        raise RelscaleError("suite englishes: its regions come from its data; set its option 'data'")
    regions = _from_parquet(data) or _from_folders(data)
    if not regions:
        raise RelscaleError(
            f"{data}: no documents; expected REGION/*.txt, or parquet with columns text and region"
        )
    documents = {
        name: [{"id": digest([name, text]), "text": text} for text in dict.fromkeys(texts)]
        for name, texts in sorted(regions.items())
    }
    return [
        # The task in lm-eval's own form has the region's name, which contains no hyphen.
        TaskData(
            name if form == WHOLE_DOCUMENT else f"{name}-{form}",
            Task(name, form),
            rows,
            f"{form}.yaml",
            data=name,
        )
        for form in manifest.options_of(Options).forms
        for name, rows in documents.items()
    ]


def _from_folders(data: Path) -> dict[str, list[str]]:
    regions: dict[str, list[str]] = defaultdict(list)
    for file in data_files(data):
        if file.suffix != ".txt" or file.parents[1] != data:
            continue
        text = read_text(file).replace("\r\n", "\n").replace("\r", "\n")
        if text.strip():
            regions[group_name(file.parent.name)].append(text)
    return regions


def _from_parquet(data: Path) -> dict[str, list[str]]:
    regions: dict[str, list[str]] = defaultdict(list)
    for file in data_files(data):
        if file.suffix != ".parquet" and file != data:
            continue
        table = pyarrow.parquet.read_table(file)
        if "text" not in table.column_names:
            raise RelscaleError(f"{file}: no column 'text'; it has {', '.join(table.column_names)}")
        # The hub names a split's files canada-00000-of-00001.parquet.
        split = file.stem.rsplit("-of-", 1)[0].rsplit("-", 1)[0] if "-of-" in file.stem else file.stem
        rows: list[dict[str, Any]] = table.to_pylist()
        for row in rows:
            if row["text"] and row["text"].strip():
                regions[group_name(str(row.get("region") or split))].append(row["text"])
    return regions


def group_name(region: str) -> str:
    """A region's name as a group name: lower case, words joined by underscores."""
    return "_".join(region.replace("-", " ").replace("_", " ").lower().split())
