"""MMLU: the questions of each subject, with the subject's own five as solved examples, in several prompt forms."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet

from relscale.errors import RelscaleError
from relscale.experiments.section import Count, Names, Section
from relscale.scoring.data_source import data_files
from relscale.scoring.manifest import Manifest, Task
from relscale.scoring.task_data import TaskData

COLUMNS = ("question", "subject", "choices", "answer")
# Names of lm-eval's tasks by prompt form: its mmlu and mmlu_continuation have the same questions.
SUFFIXES = {"letters": "", "cloze": "_continuation", "answer_text": "_answer_text"}
DESCRIPTIONS = {
    "letters": "The following are multiple choice questions (with answers) about {}.\n\n",
    "cloze": "The following are questions (with answers) about {}.\n\n",
    "answer_text": "The following are multiple choice questions (with answers) about {}.\n\n",
}


class Options(Section):
    """Options of the builder."""

    forms: Names
    subjects: Names
    num_fewshot: Count


def build(data: Path | None, manifest: Manifest) -> list[TaskData]:
    """One task per subject and prompt form.

    Parameters
    ----------
    data
        A folder with the splits ``dev`` and ``test`` as parquet files of these names, with columns question, subject,
        choices and answer: one file per split, or a folder per subject. None: tasks without documents.
    manifest
        The subjects as its tasks, with their groups; options ``forms``, ``subjects``, ``num_fewshot``.

    Raises
    ------
    RelscaleError
        A split or a subject is missing.
    """
    options = manifest.options_of(Options)
    subjects = options.subjects or list(manifest.tasks)
    for subject in subjects:
        if subject not in manifest.tasks:
            raise RelscaleError(f"suite mmlu: no subject {subject!r}; there are {', '.join(manifest.tasks)}")
    for form in options.forms:
        if form not in SUFFIXES:
            raise RelscaleError(f"suite mmlu: no prompt form {form!r}; there are {', '.join(SUFFIXES)}")
    test, dev = ({}, {}) if data is None else (_split(data, "test"), _split(data, "dev"))
    for split, rows in (("test", test), ("dev", dev)):
        for subject in subjects:
            if data is not None and not rows.get(subject):
                raise RelscaleError(f"{data}: no row of subject {subject!r} in the split {split!r}")
    return [
        TaskData(
            f"{subject}{SUFFIXES[form]}",
            Task(manifest.tasks[subject].group, form, subject),
            test.get(subject, []),
            f"{form}.yaml",
            dev.get(subject, []),
            {
                "description": DESCRIPTIONS[form].format(subject.replace("_", " ")),
                "num_fewshot": options.num_fewshot,
            },
            data=subject,
        )
        for form in options.forms
        for subject in subjects
    ]


def _split(data: Path, split: str) -> dict[str, list[dict[str, Any]]]:
    """Rows of a split by subject, with the columns of the hub's data set in its order."""
    # On the hub every subject has a folder, and the folder "all" repeats all subjects.
    of_split = [file for file in data_files(data) if file.match(f"{split}*.parquet")]
    files = [file for file in of_split if file.parent == data / "all"] or of_split
    if not files:
        raise RelscaleError(f"{data}: no {split}*.parquet there; MMLU comes as dev.parquet and test.parquet")
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for file in files:
        for row in _rows(file):
            rows[row["subject"]].append(row)
    return rows


def _rows(file: Path) -> Iterable[dict[str, Any]]:
    table = pyarrow.parquet.read_table(file)
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise RelscaleError(f"{file}: no column {missing[0]!r}; MMLU has {', '.join(COLUMNS)}")
    rows: list[dict[str, Any]] = table.select(COLUMNS).to_pylist()
    return rows
