"""Preparation of a suite: tasks, requests and manifest in one folder that scoring reads."""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import yaml

from relscale.errors import RelscaleError
from relscale.scoring.builders import data_builder, data_builders, documents_builder
from relscale.scoring.builders.held_out import COLUMNS, seen_in_training
from relscale.scoring.data_source import find_data
from relscale.scoring.manifest import Group, Manifest, Task, read_manifest, write_manifest
from relscale.scoring.options import FEWEST_ITEMS, Suite
from relscale.scoring.request_building import build_requests
from relscale.scoring.requests import write_requests
from relscale.scoring.suite_code import is_trusted, refuse_code
from relscale.scoring.suite_description import lists_tasks, read_suite
from relscale.scoring.supported_tasks import exclusion_message, unsupported
from relscale.scoring.task_data import TaskData
from relscale.scoring.task_files import absolute_includes
from relscale.storage import arrow_compute as pc
from relscale.storage.checked_parquet import read_parquet
from relscale.storage.checksums import sealed_folder
from relscale.storage.file_name import file_name
from relscale.storage.json_lines import read_json_lines


def prepare_suite(
    name: str,
    suite: Suite,
    documents: Sequence[str | Path],
    folder: str | Path,
    seed: int,
    requests: bool = True,
) -> Manifest:
    """Write everything that scoring a suite requires into ``folder``.

    Parameters
    ----------
    name
        Name of a shipped suite, or the user's name for the folder ``suite.path`` or the tasks ``suite.lm_eval``.
    suite
        The experiment's section: the options that it sets.
    documents
        Tables of documents (parquet); only their test split is used, and only by suites that are made from it.
    folder
        Output folder, which is replaced. Its ``suite.yaml`` lists all groups, tasks and options.
    seed
        Seed of the selection of documents and of wrong answers.
    requests
        Whether to write requests; False for the manifest alone, for which most suites need no data.

    Returns
    -------
    Manifest
        The manifest as written.

    Raises
    ------
    RelscaleError
        There is no such suite, an option is unknown, data are missing, or the documents give fewer than two groups or
        no baseline.
    """
    if suite.lm_eval is not None:
        from relscale.scoring.named_tasks import prepare_named_tasks

        return prepare_named_tasks(name, suite, folder, requests)
    if suite.path is not None and not is_trusted():
        refuse_code(suite.path)
    source, manifest = read_suite(name, suite)
    if (source / "tasks").is_dir():
        tasks: list[TaskData] = []
        manifest = _supported(name, manifest, source)
    elif manifest.builder in data_builders():
        tasks, manifest = _read(name, manifest, requests)
    else:
        tasks = _shipped(manifest, source) or _built(name, manifest, source, documents, seed)
    if tasks:
        tasks = [replace(task, rows=task.rows[: manifest.options.limit]) for task in tasks]
        manifest = _described(name, manifest, tasks, count=requests)
    described = read_manifest(source)
    manifest = _with_baseline(name, manifest, described, suite.baseline is not None).with_subjects()
    with sealed_folder(folder) as partial:
        if not tasks:
            shutil.copytree(source, partial, dirs_exist_ok=True)
            _include_the_same(source, partial)
        elif requests:
            _write_tasks(
                [(known, task) for known, task in _named(name, tasks) if known in manifest.tasks],
                source,
                partial,
            )
        write_manifest(manifest, partial)
        if requests:
            listed = lists_tasks(name, suite)
            write_requests(build_requests(partial, manifest, name, reported=listed), partial)
    return manifest


def _read(name: str, manifest: Manifest, requests: bool) -> tuple[list[TaskData], Manifest]:
    """The tasks of a suite that reads a data set, and the manifest with the provenance of the data."""
    builder = data_builder(str(manifest.builder))
    if not requests and manifest.tasks:
        return builder.build(None, manifest), manifest
    folder, read = find_data(name, manifest.data)
    return builder.build(folder, manifest), replace(manifest, data=read)


def _with_baseline(name: str, manifest: Manifest, described: Manifest, is_configured: bool) -> Manifest:
    """The manifest with the baseline by its name in the data; the first group if none was chosen.

    Parameters
    ----------
    name
        Name of the suite, for messages.
    manifest
        Manifest with the groups of the data.
    described
        Manifest of its suite.yaml.
    is_configured
        Whether the experiment names the baseline.
    """
    manifest = replace(manifest, baseline=manifest.group_called(manifest.baseline))
    if manifest.baseline in manifest.groups:
        return manifest
    if not is_configured and (not described.groups or not described.baseline):
        first = next(iter(manifest.groups))
        print(
            f"suite {name}: its baseline is {first!r}, the first of its groups; name another as the suite's option "
            "'baseline'",
            file=sys.stderr,
        )
        return replace(manifest, baseline=first)
    raise RelscaleError(
        f"suite {name}: no group {manifest.baseline!r} to use as baseline; set the suite's option "
        f"'baseline' to one of {', '.join(manifest.groups)}"
    )


def _supported(name: str, manifest: Manifest, source: Path) -> Manifest:
    """The manifest without the tasks that cannot be scored; one line on stderr per task states the reason."""
    from relscale.scoring.lm_eval_tasks import TaskManager

    index = TaskManager(include_defaults=False, include_path=str(source / "tasks")).task_index
    reasons = {
        task: unsupported(entry.cfg or {}, entry.yaml_path)
        for task, entry in index.items()
        if task in manifest.tasks
    }
    excluded = {task: reason for task, reason in reasons.items() if reason is not None}
    for task, reason in excluded.items():
        print(exclusion_message(name, task, reason), file=sys.stderr)
    tasks = {task: place for task, place in manifest.tasks.items() if task not in excluded}
    if excluded and not tasks:
        task, reason = next(iter(excluded.items()))
        raise RelscaleError(f"suite {name}: none of its tasks can be scored; {task} {reason}")
    kept_groups = {place.group for place in tasks.values()}
    lost = {place.group for place in manifest.tasks.values()} - kept_groups
    groups = {group: entry for group, entry in manifest.groups.items() if group not in lost}
    return replace(manifest, tasks=tasks, groups=groups, left_out={**manifest.left_out, **excluded})


def _include_the_same(source: Path, folder: Path) -> None:
    """Have the copies of a suite's tasks include the same files as the originals."""
    for path in (folder / "tasks").rglob("*.yaml"):
        text = absolute_includes(path, source / path.relative_to(folder), source)
        if text != path.read_text(encoding="utf-8-sig"):
            path.write_text(text, encoding="utf-8")


def _shipped(manifest: Manifest, source: Path) -> list[TaskData]:
    """The tasks of a suite with its own data; a file that the manifest does not assign is a separate group."""
    tasks = []
    for path in sorted((source / "data").glob("*.jsonl")):
        rows = [row for _, row in read_json_lines(path)]
        tasks.append(TaskData(path.stem, manifest.tasks.get(path.stem, Task(path.stem)), rows))
    return tasks


def _built(
    name: str, manifest: Manifest, source: Path, documents: Sequence[str | Path], seed: int
) -> list[TaskData]:
    if not documents:
        raise RelscaleError(
            f"suite {name} is made from held-out documents, and the experiment has no corpora"
        )
    table = pa.concat_tables(read_parquet(path, COLUMNS) for path in documents)
    seen = seen_in_training(table)
    if seen.true_count:
        print(
            f"suite {name}: {seen.true_count} held-out documents are excluded, because another source has the same "
            "text for training; decontaminate in the section corpora removes near copies too",
            file=sys.stderr,
        )
        table = table.filter(pc.invert(seen))
    return documents_builder(str(manifest.builder)).build(table, manifest, source, seed)


def _described(name: str, manifest: Manifest, tasks: list[TaskData], count: bool) -> Manifest:
    """The manifest with the groups and tasks that have data; without ``count``, with all of them."""
    tasks = [
        replace(task, task=replace(task.task, group=manifest.group_called(task.task.group))) for task in tasks
    ]
    counts: Counter[tuple[str, str]] = Counter()
    for task in tasks:
        counts[task.task.group, task.task.prompt] += len(task.rows)
    items = dict.fromkeys(manifest.groups, 0)
    for (group, _), n_items in counts.items():  # the same documents under every prompt
        items[group] = max(items.get(group, 0), n_items)
    few = {
        group: f"{n_items} items, under {FEWEST_ITEMS}"
        for group, n_items in items.items()
        if count and n_items < FEWEST_ITEMS
    }
    kept_groups = [group for group in items if group not in few]
    if len(kept_groups) < 2:
        raise RelscaleError(f"suite {name}: fewer than two groups have {FEWEST_ITEMS} items; add text")
    known = manifest.groups
    groups = {
        g: replace(known.get(g) or Group(g.replace("_", " ").capitalize()), items=items[g] if count else None)
        for g in kept_groups
    }
    named = {known: task.task for known, task in _named(name, tasks) if task.task.group in groups}
    return replace(manifest, groups=groups, tasks=named, left_out=few)


def _named(name: str, tasks: list[TaskData]) -> list[tuple[str, TaskData]]:
    """The tasks with their lm-eval names."""
    return [(task.known_as or f"{name}_{task.name}", task) for task in tasks]


def _write_tasks(tasks: list[tuple[str, TaskData]], source: Path, folder: Path) -> None:
    """Write data as jsonl, and for each task a file that includes its template."""
    (folder / "data").mkdir()
    (folder / "tasks").mkdir()
    for template in {task.template for _, task in tasks}:
        if not (source / template).is_file():
            raise RelscaleError(
                f"{source / template}: no such file; it is the template of the suite's lm-eval tasks"
            )
        shutil.copy(source / template, folder / template)
    for known, task in tasks:
        stem = file_name(task.data or task.name)
        files = {"data": f"{stem}.jsonl"}
        _write_rows(task.rows, folder / "data" / files["data"])
        if task.examples:
            files["examples"] = f"{stem}.dev.jsonl"
            _write_rows(task.examples, folder / "data" / files["examples"])
        settings = {
            "include": f"../{task.template}",
            "task": known,
            **task.settings,
            "dataset_kwargs": {key: f"../data/{file}" for key, file in files.items()},
        }
        text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=110)
        (folder / "tasks" / f"{file_name(task.name)}.yaml").write_text(
            f"custom_dataset: !function relscale.scoring.local_data.jsonl\n{text}", encoding="utf-8"
        )


def _write_rows(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    if not path.is_file():
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
