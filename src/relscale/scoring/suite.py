"""A suite made ready: its data, its lm-eval tasks and its manifest, in one folder that scoring reads.

A suite is data. A folder with ``suite.yaml`` describes it, and beside that there is one of

- ``task.yaml`` (an lm-eval task without a name or data) and ``data/*.jsonl``, a task each;
- ``task.yaml``, or a file for each prompt form, where ``suite.yaml`` names a builder that makes the data from held-out
  documents;
- ``tasks/*.yaml``, lm-eval tasks of any kind, listed in ``suite.yaml``.

The suites in ``relscale/scoring/suites`` are known by name; an experiment names any other folder by ``path``.
"""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import yaml

from relscale.atomic import atomic_path
from relscale.errors import RelscaleError
from relscale.provenance import folder_digest
from relscale.scoring.builders import domains, knowledge, varieties
from relscale.scoring.builders.held_out import COLUMNS
from relscale.scoring.manifest import Group, Manifest, Task, read_manifest, write_manifest
from relscale.scoring.task_data import TaskData

SUITES = Path(__file__).parent / "suites"
BUILDERS = {"domains": domains.build, "knowledge": knowledge.build, "varieties": varieties.build}
# A group with fewer items says nothing; it is left out, and the manifest says so.
FEWEST_ITEMS = 10


def prepare_suite(
    name: str, options: dict[str, Any], documents: Sequence[str | Path], folder: str | Path, seed: int
) -> Manifest:
    """Write everything that scoring needs of a suite into ``folder``.

    Parameters
    ----------
    name
        Of a shipped suite, or the user's own name for the folder that ``options["path"]`` gives.
    options
        From the experiment: ``path``, ``baseline``, and what the suite's own ``options`` list.
    documents
        Tables of documents (parquet); only their test split is used, and only by suites that are made from it.
    folder
        Replaced whole. Its ``suite.yaml`` then has all groups, tasks and options as they are.
    seed
        Decides which documents are used, and which wrong answers stand beside a right one.

    Returns
    -------
    Manifest
        As written.

    Raises
    ------
    RelscaleError
        No such suite, an option it does not have, or documents that give no two groups with a baseline among them.
    """
    source = suite_folder(name, options)
    manifest = read_manifest(source)
    settings = _settings(name, manifest, options)
    manifest = replace(manifest, options=settings, baseline=options.get("baseline", manifest.baseline))
    if (source / "tasks").is_dir():
        tasks: list[TaskData] = []
        _check_listed(manifest, source)
    else:
        tasks = _shipped(manifest, source) or _built(name, manifest, source, documents, seed)
        manifest = _described(name, manifest, tasks)
    if manifest.baseline not in manifest.groups:
        raise RelscaleError(
            f"suite {name}: no group {manifest.baseline!r} for a baseline; "
            f"set the suite's option 'baseline' to one of {', '.join(manifest.groups)}"
        )
    with atomic_path(folder) as partial:
        partial.mkdir()
        if tasks:
            _write_tasks(
                name, [task for task in tasks if task.task.group in manifest.groups], source, partial
            )
        else:
            shutil.copytree(source, partial, dirs_exist_ok=True)
        write_manifest(manifest, partial)
    return manifest


def suite_folder(name: str, options: dict[str, Any]) -> Path:
    """Where a suite is described: the folder that ``options["path"]`` names, or that of a shipped suite.

    Raises
    ------
    RelscaleError
        There is no such suite.
    """
    if "path" in options:
        return Path(options["path"])
    if not (SUITES / name).is_dir():
        raise RelscaleError(
            f"no suite {name!r}; there are {', '.join(available_suites())}, or give a folder of your own as its 'path'"
        )
    return SUITES / name


def available_suites() -> list[str]:
    """Names of the shipped suites."""
    return sorted(path.parent.name for path in SUITES.glob("*/suite.yaml"))


def suite_digest(name: str, options: dict[str, Any]) -> str:
    """Digest of a suite's description and shipped data, so that a workflow notices when they change."""
    return folder_digest(suite_folder(name, options))


def _settings(name: str, manifest: Manifest, options: dict[str, Any]) -> dict[str, Any]:
    """The suite's options with the experiment's in place of its own."""
    given = {key: value for key, value in options.items() if key not in ("path", "baseline")}
    for key, value in given.items():
        if key not in manifest.options:
            allowed = ", ".join(["path", "baseline", *manifest.options])
            raise RelscaleError(f"suite {name}: unknown option {key!r}; allowed are {allowed}")
        if type(value) is not type(manifest.options[key]) or (isinstance(value, int) and value < 1):
            raise RelscaleError(
                f"suite {name}: option {key} is {value!r}; it should be like {manifest.options[key]!r}"
            )
    return {**manifest.options, **given}


def _check_listed(manifest: Manifest, source: Path) -> None:
    names = {yaml.safe_load(_without_tags(path)).get("task") for path in (source / "tasks").glob("*.yaml")}
    for task, entry in manifest.tasks.items():
        if task not in names:
            raise RelscaleError(
                f"{source}: suite.yaml lists the task {task!r}; no file in tasks/ has that name"
            )
        if entry.group not in manifest.groups:
            raise RelscaleError(
                f"{source}: task {task!r} is of group {entry.group!r}, which suite.yaml does not list"
            )


def _without_tags(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace("!function", "")


def _shipped(manifest: Manifest, source: Path) -> list[TaskData]:
    """The tasks of a suite that brings its data; a file that the manifest does not place is a group of its own."""
    tasks = []
    for path in sorted((source / "data").glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        tasks.append(TaskData(path.stem, manifest.tasks.get(path.stem, Task(path.stem)), rows))
    return tasks


def _built(
    name: str, manifest: Manifest, source: Path, documents: Sequence[str | Path], seed: int
) -> list[TaskData]:
    if manifest.builder is None:
        raise RelscaleError(
            f"{source}: no data/*.jsonl, no tasks/*.yaml and no builder; a suite has one of the three"
        )
    if manifest.builder not in BUILDERS:
        raise RelscaleError(f"{source}: no builder {manifest.builder!r}; there are {', '.join(BUILDERS)}")
    if not documents:
        raise RelscaleError(
            f"suite {name} is made from held-out documents, and the experiment has no corpora"
        )
    table = pa.concat_tables(pyarrow.parquet.read_table(path, columns=COLUMNS) for path in documents)
    return BUILDERS[manifest.builder](table, manifest, source, seed)


def _described(name: str, manifest: Manifest, tasks: list[TaskData]) -> Manifest:
    """The manifest with the groups and tasks that the data have."""
    counts: Counter[tuple[str, str]] = Counter()
    for task in tasks:
        counts[task.task.group, task.task.prompt] += len(task.rows)
    items = dict.fromkeys(manifest.groups, 0)
    for (group, _), count in counts.items():  # the same documents under every prompt
        items[group] = max(items.get(group, 0), count)
    few = {
        group: f"{count} items, under {FEWEST_ITEMS}"
        for group, count in items.items()
        if count < FEWEST_ITEMS
    }
    kept = [group for group in items if group not in few]
    if len(kept) < 2:
        raise RelscaleError(
            f"suite {name}: fewer than two groups have {FEWEST_ITEMS} items; it needs more text"
        )
    known = manifest.groups
    groups = {
        g: replace(known.get(g) or Group(g.replace("_", " ").capitalize()), items=items[g]) for g in kept
    }
    named = {f"{name}_{task.name}": task.task for task in tasks if task.task.group in groups}
    return replace(manifest, groups=groups, tasks=named, left_out=few)


def _write_tasks(name: str, tasks: list[TaskData], source: Path, folder: Path) -> None:
    """Data as jsonl, and for each a task that includes its template."""
    (folder / "data").mkdir()
    (folder / "tasks").mkdir()
    for template in {task.template for task in tasks}:
        if not (source / template).is_file():
            raise RelscaleError(
                f"{source / template}: no such file; it tells lm-eval how to read the suite's data"
            )
        shutil.copy(source / template, folder / template)
    for task in tasks:
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in task.rows]
        (folder / "data" / f"{task.name}.jsonl").write_text("".join(lines), encoding="utf-8")
        (folder / "tasks" / f"{task.name}.yaml").write_text(
            f"include: ../{task.template}\n"
            f"task: {name}_{task.name}\n"
            "custom_dataset: !function relscale.scoring.local_data.jsonl\n"
            f"dataset_kwargs: {{data: ../data/{task.name}.jsonl}}\n",
            encoding="utf-8",
        )
