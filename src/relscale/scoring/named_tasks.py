"""A suite of lm-eval's own tasks, by name: ``suites: {mine: {lm_eval: [hellaswag, arc_easy]}}``.

Each is written as a file that includes lm-eval's, so that a prepared suite documents its tasks.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from relscale.errors import RelscaleError
from relscale.scoring.declared_metrics import directions
from relscale.scoring.local_splits import FEWSHOT, split_files
from relscale.scoring.manifest import Group, Manifest, Task, write_manifest
from relscale.scoring.manifest_defaults import METRIC_OF_KIND, Kind, kind_of_output
from relscale.scoring.options import Suite, SuiteOptions
from relscale.scoring.request_building import build_requests
from relscale.scoring.requests import Request, write_requests
from relscale.scoring.suite_code import is_trusted, refuse_code
from relscale.scoring.supported_tasks import exclusion_message
from relscale.scoring.target_agreement import PROBED, targets_are_the_tasks
from relscale.scoring.task_leaves import Leaf, leaves_of
from relscale.scoring.task_values import PreparedTasks
from relscale.storage.checksums import sealed_folder
from relscale.storage.file_name import file_name
from relscale.suggestions import suggestion

if TYPE_CHECKING:
    from relscale.scoring.lm_eval_tasks import TaskManager

OPTIONS = ("lm_eval", "include_path", "num_fewshot", "limit", "baseline", "cluster", "data")


def prepare_named_tasks(name: str, suite: Suite, folder: str | Path, requests: bool) -> Manifest:
    """Write the manifest and the requests of a suite of named tasks into ``folder``.

    Each name is a group; if it is a group of several tasks, these are its subjects. A single name for
    several tasks gives a group for each. A task that relscale cannot score is excluded: one line on stderr states why,
    and so does ``left_out`` in the manifest.

    Parameters
    ----------
    name
        Name of the suite.
    suite
        Its section: ``lm_eval`` (tasks, groups or tags), ``include_path`` (a folder with more of them),
        ``num_fewshot``, ``limit`` (documents per task), ``baseline`` (the first group by default),
        ``cluster`` (the field of a document that names its cluster), ``data`` (per task a
        local file or folder, or files by split).
    folder
        Output folder, which is replaced.
    requests
        Whether to write requests; False for the manifest alone.

    Raises
    ------
    RelscaleError
        lm-eval has no such task, cannot load its data, or no task remains.
    """
    data = data_by_task(name, suite)
    from relscale.scoring.lm_eval_tasks import TaskManager

    if suite.include_path is not None and not is_trusted():
        refuse_code(suite.include_path)
    own = None if suite.include_path is None else Path(suite.include_path).resolve()
    manager = TaskManager(include_path=own)
    named = _by_group(name, suite, manager)
    leaf_names = [leaf.name for leaves in named.values() for leaf in leaves]
    for task in data:
        if task not in leaf_names:
            raise RelscaleError(
                f"suite {name}: data for {task!r}, which is not one of its tasks: {', '.join(leaf_names)}"
            )
    manifest = _manifest(name, suite, named).with_subjects()
    leaves = [leaf for members in named.values() for leaf in members if not leaf.refused]
    settings = {leaf.name: _settings(leaf, suite.num_fewshot, name, data.get(leaf.name)) for leaf in leaves}
    with sealed_folder(folder) as partial:
        (partial / "tasks").mkdir()
        for leaf in leaves:
            source = str(manager.task_index[leaf.name].yaml_path)
            _write_task(leaf.name, source, settings[leaf.name], partial / "tasks")
        if requests:
            targets: dict[str, list[list[bool]]] = {}
            counts: set[int] = set()
            built = build_requests(partial, manifest, name, reported=True)
            write_requests(_recorded(built, targets, counts), partial)
            manifest = _described(manifest, partial, leaves, targets, counts)
        if all(place.subject for place in manifest.tasks.values()):
            manifest = replace(manifest, metric=f"{manifest.metric}_micro")
        write_manifest(manifest, partial)
    return manifest


def _by_group(name: str, suite: Suite, manager: "TaskManager") -> dict[str, list[Leaf]]:
    """The tasks of each group of the suite; stderr states why some are excluded."""
    named = {task: list(leaves_of(task, manager, name)) for task in suite.lm_eval or ()}
    if len(named) == 1:
        ((single, leaves),) = named.items()
        named = {leaf.name: [leaf] for leaf in leaves} if len(leaves) > 1 else {single: leaves}
    _check_once(name, named)
    for task, reason in _excluded(named).items():
        print(exclusion_message(name, task, reason), file=sys.stderr)
    return named


def _excluded(named: Mapping[str, Sequence[Leaf]]) -> dict[str, str]:
    """The tasks that cannot be scored, with the reasons."""
    return {leaf.name: leaf.refused for leaves in named.values() for leaf in leaves if leaf.refused}


def _manifest(name: str, suite: Suite, named: Mapping[str, Sequence[Leaf]]) -> Manifest:
    """The manifest of the tasks that can be scored, before their requests are built."""
    listed = ", ".join(suite.lm_eval or ())
    excluded = _excluded(named)
    supported = {
        group: kept
        for group, leaves in named.items()
        if (kept := [leaf for leaf in leaves if not leaf.refused])
    }
    if not supported:
        first = next(iter(excluded.items()), None)
        raise RelscaleError(
            f"suite {name}: none of its tasks can be scored; {' '.join(first)}"
            if first
            else f"suite {name}: {listed}: no task of lm-eval has that name"
        )
    baseline = suite.baseline or next(iter(supported))
    if baseline not in supported:
        raise RelscaleError(
            f"suite {name}: no group {baseline!r} to use as baseline; the groups are {', '.join(supported)}"
        )
    leaves = [leaf for members in supported.values() for leaf in members]
    kind = _kind(name, leaves)
    stated = {"num_fewshot": suite.num_fewshot, "limit": suite.limit}
    return Manifest(
        name,
        f"lm-eval's {listed}.",
        kind,
        METRIC_OF_KIND[kind],
        "lower",
        baseline,
        cluster=suite.cluster,
        options=SuiteOptions.model_validate(
            {key: value for key, value in stated.items() if value is not None}
        ),
        groups={group: Group(group.replace("_", " ")) for group in supported},
        tasks={
            leaf.name: Task(group, subject=leaf.name if len(named[group]) > 1 else None)
            for group, members in supported.items()
            for leaf in members
        },
        name="" if file_name(name) == name else name,
        left_out=excluded,
        task_metrics={
            metric: "higher" if better else "lower"
            for leaf in leaves
            for metric, better in directions(leaf.config).items()
        },
    )


def data_by_task(name: str, suite: Suite) -> Mapping[str, object]:
    """The local data of the tasks that have any: a path, or paths by split.

    Raises
    ------
    RelscaleError
        The suite has an option that named tasks do not support, or one path for all of them.
    """
    unknown = [key for key, value in suite.given().items() if key not in OPTIONS and value is not None]
    if unknown:
        meant = suggestion(unknown[0], OPTIONS, "allowed are")
        raise RelscaleError(f"suite {name}: unknown option {unknown[0]!r}; {meant}")
    if isinstance(suite.data, str):
        raise RelscaleError(
            f"suite {name}: data is {suite.data!r}; give a path for each task, as {{arc_easy: path}}"
        )
    return suite.data or {}


def _check_once(name: str, named: Mapping[str, Sequence[Leaf]]) -> None:
    """Refuse a task that belongs to two groups."""
    first: dict[str, str] = {}
    for task, leaves in named.items():
        for leaf in leaves:
            if first.setdefault(leaf.name, task) != task:
                raise RelscaleError(
                    f"suite {name}: the task {leaf.name} belongs to {first[leaf.name]} and to {task}; name only "
                    "one of them"
                )


def _kind(name: str, leaves: Sequence[Leaf]) -> Kind:
    """Kind of a suite, by whether its tasks score whole documents or answers."""
    first, *others = {kind_of_output(str(leaf.config.get("output_type"))) for leaf in leaves}
    if others:
        raise RelscaleError(
            f"suite {name}: some of its tasks score whole documents and some score answers; split them into two suites"
        )
    return first


def _settings(leaf: Leaf, num_fewshot: int | None, suite: str, data: object) -> dict[str, object]:
    """The suite's settings of a task: its group's settings, the number of examples, and its data files by split."""
    settings = dict(leaf.group_settings)
    if num_fewshot is not None:
        if leaf.config.get("num_fewshot") == 0 and num_fewshot:
            print(
                f"suite {suite}: task {leaf.name} sets num_fewshot: 0, which lm-eval does not override",
                file=sys.stderr,
            )
        else:
            settings["num_fewshot"] = num_fewshot
    if data is not None:
        files = split_files(f"suite {suite}: data of {leaf.name}", data, {**leaf.config, **settings})
        settings["dataset_kwargs"] = {"split_files": files}
        if FEWSHOT in files:
            settings["fewshot_split"] = FEWSHOT
            if "split" in (leaf.config.get("fewshot_config") or {}):
                settings["fewshot_config"] = {**leaf.config["fewshot_config"], "split": FEWSHOT}
    return settings


def _write_task(task: str, source: str, settings: Mapping[str, Any], folder: Path) -> None:
    """Write a file that includes lm-eval's task, with the requested number of examples and data."""
    text = yaml.safe_dump({"include": source, "task": task, **settings}, sort_keys=False, width=110)
    if "split_files" in settings.get("dataset_kwargs", {}):
        text += "custom_dataset: !function relscale.scoring.local_data.files\n"
    (folder / f"{file_name(task)}.yaml").write_text(text, encoding="utf-8")


def _recorded(
    tasks: Iterable[list[Request]], targets: dict[str, list[list[bool]]], counts: set[int]
) -> Iterator[list[Request]]:
    """Pass requests on, and record the right choices of the first documents and the number of choices."""
    for requests in tasks:
        starts = [place for place, request in enumerate(requests) if request.choice == 0]
        ends = [*starts[1:], len(requests)]
        counts |= {end - start for start, end in zip(starts, ends, strict=True)}
        for start, end in list(zip(starts, ends, strict=True))[:PROBED]:
            document_requests = requests[start:end]
            targets.setdefault(document_requests[0].task, []).append(
                [request.target for request in document_requests]
            )
        yield requests


def _described(
    manifest: Manifest,
    folder: Path,
    leaves: Sequence[Leaf],
    targets: Mapping[str, list[list[bool]]],
    counts: set[int],
) -> Manifest:
    """The manifest completed from the requests of the tasks.

    If all tasks have custom rules that do not use the items' targets, only lm-eval's metrics are measured.
    """
    if manifest.kind == "multiple_choice" and len(counts) == 1 and counts != {1}:
        manifest = replace(manifest, choices=next(iter(counts)))
    prepared = PreparedTasks(folder, manifest)
    ruled = [leaf.name for leaf in leaves if leaf.config.get("process_results")]
    only = [name for name in ruled if not _targets_agree(prepared, name, targets[name])]
    for name in only:
        print(
            f"task {name}: its right answers are defined by its own code, not by a target, so that only "
            "lm-eval's metrics are measured for its group",
            file=sys.stderr,
        )
    if len(only) < len(leaves):
        return manifest
    metric, direction = next(iter(manifest.task_metrics.items()))
    return replace(manifest, metric=metric, direction=direction, choices=None)


def _targets_agree(prepared: PreparedTasks, name: str, targets: list[list[bool]]) -> bool:
    task = prepared.load(name)
    documents = [task.task_docs[number] for number in range(len(targets))]
    return targets_are_the_tasks(task.config.process_results, documents, targets)
