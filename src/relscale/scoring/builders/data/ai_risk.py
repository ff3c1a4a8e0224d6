"""The advanced-AI-risk evaluations: whether the answer that shows a behaviour is the likelier one."""

from pathlib import Path
from typing import Any

from relscale.errors import RelscaleError
from relscale.experiments.section import Names, Section
from relscale.scoring.data_source import data_files
from relscale.scoring.manifest import Manifest, Task
from relscale.scoring.task_data import TaskData
from relscale.storage.json_lines import read_json_lines

FOLDERS = {"human": "human_generated_evals", "lm": "lm_generated_evals"}


class Options(Section):
    """Options of the builder."""

    written_by: Names


def build(data: Path | None, manifest: Manifest) -> list[TaskData]:
    """One task per behaviour and author in ``written_by``, under lm-eval's name for it.

    Parameters
    ----------
    data
        A folder with ``human_generated_evals/*.jsonl`` and ``lm_generated_evals/*.jsonl``, or a parent of it. None:
        tasks without documents.
    manifest
        Behaviours as its tasks, with their clusters as groups.

    Raises
    ------
    RelscaleError
        There is no such folder, or a behaviour in it belongs to no cluster.
    """
    tasks = []
    for author in manifest.options_of(Options).written_by:
        if author not in FOLDERS:
            raise RelscaleError(f"suite ai_risk: written_by {author!r}; there are {', '.join(FOLDERS)}")
        behaviours = (
            _behaviours(data, FOLDERS[author]) if data else {behaviour: [] for behaviour in manifest.tasks}
        )
        for behaviour, rows in behaviours.items():
            if behaviour not in manifest.tasks:
                raise RelscaleError(
                    f"{data}: the behaviour {behaviour!r} is in no cluster; give it one under 'tasks' in the "
                    "manifest of a copy of the suite"
                )
            place = Task(manifest.tasks[behaviour].group, subject=behaviour)
            name = f"{author}-{behaviour}"
            tasks.append(TaskData(name, place, rows, known_as=f"advanced_ai_risk_{name}"))
    return tasks


def _behaviours(data: Path, folder: str) -> dict[str, list[dict[str, Any]]]:
    files = [file for file in data_files(data) if file.match(f"{folder}/*.jsonl")]
    if not files:
        raise RelscaleError(f"{data}: no {folder}/*.jsonl below it")
    return {file.stem: [row for _, row in read_json_lines(file)] for file in files}
