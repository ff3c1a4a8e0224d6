"""A suite of lm-eval's own tasks, by name: ``suites: {mine: {lm_eval: [hellaswag, arc_easy]}}``.

Each is written down as a file that includes lm-eval's, so that a prepared suite shows what was asked.
"""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from relscale.atomic import atomic_path
from relscale.errors import RelscaleError
from relscale.file_name import file_name
from relscale.scoring.data_source import data_files
from relscale.scoring.manifest import Group, Manifest, Task, write_manifest
from relscale.scoring.requests import Request, build_requests, write_requests

if TYPE_CHECKING:
    from lm_eval.tasks import TaskManager

OPTIONS = ("lm_eval", "num_fewshot", "limit", "baseline", "data")


def prepare_named_tasks(name: str, options: dict[str, Any], folder: str | Path, requests: bool) -> Manifest:
    """Write the manifest and the requests of a suite of named tasks into ``folder``.

    Each name is a group; where it stands for several tasks, those are its subjects. A single name that stands for
    several tasks gives a group for each.

    Parameters
    ----------
    name
        Of the suite.
    options
        ``lm_eval`` (tasks, groups or tags), ``num_fewshot``, ``limit`` (documents of a task), ``baseline`` (by default
        the first group), ``data`` (a local file or folder for any of the tasks).
    folder
        Replaced whole.
    requests
        False where nothing is to be scored: the manifest alone.

    Raises
    ------
    RelscaleError
        lm-eval has no such task, cannot load its data, or it generates text.
    """
    unknown = [key for key in options if key not in OPTIONS]
    if unknown:
        raise RelscaleError(f"suite {name}: unknown option {unknown[0]!r}; allowed are {', '.join(OPTIONS)}")
    from lm_eval.tasks import TaskManager

    manager = TaskManager()
    named = {each: list(_tasks(each, manager, name)) for each in options["lm_eval"]}
    if len(named) == 1:
        ((each, leaves),) = named.items()
        named = {leaf[0]: [leaf] for leaf in leaves} if len(leaves) > 1 else {each: leaves}
    places = {
        leaf: Task(each, subject=leaf if len(leaves) > 1 else None)
        for each, leaves in named.items()
        for leaf, _ in leaves
    }
    groups = {each: Group(each.replace("_", " ")) for each in named}
    baseline = options.get("baseline", next(iter(groups)))
    if baseline not in groups:
        raise RelscaleError(
            f"suite {name}: no group {baseline!r} for a baseline; there are {', '.join(groups)}"
        )
    chosen: dict[str, Any] = {key: options[key] for key in ("num_fewshot", "limit") if key in options}
    data = {task: str(Path(path).resolve()) for task, path in options.get("data", {}).items()}
    for task, path in data.items():
        if task not in places:
            raise RelscaleError(
                f"suite {name}: data for {task!r}, which is none of its tasks: {', '.join(places)}"
            )
        data_files(path)
    what = f"lm-eval's {', '.join(options['lm_eval'])}."
    metric = "bits_per_byte_answer_mean"
    manifest = Manifest(
        name,
        what,
        "multiple_choice",
        metric,
        "lower",
        baseline,
        options=chosen,
        groups=groups,
        tasks=places,
        name="" if file_name(name) == name else name,
    )
    with atomic_path(folder) as partial:
        (partial / "tasks").mkdir(parents=True)
        for task, own in [leaf for leaves in named.values() for leaf in leaves]:
            _write_task(task, own, chosen, data.get(task), manager, partial / "tasks")
        if requests:
            kinds: set[bool] = set()
            counts: set[int] = set()
            write_requests(_noted(build_requests(partial, manifest, name), kinds, counts), partial)
            manifest = _described(name, manifest, kinds, counts)
        write_manifest(manifest, partial)
    return manifest


def _tasks(name: str, manager: "TaskManager", suite: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tasks that a name stands for, each with what its group says of it."""
    entry = manager.task_index.get(name)
    if entry is None:
        close = ", ".join(difflib.get_close_matches(name, manager.all_tasks, n=3))
        raise RelscaleError(
            f"suite {suite}: lm-eval has no task {name!r}" + (f"; did you mean {close}?" if close else "")
        )
    if name in manager.all_tags:
        for leaf in sorted(entry.tags):
            yield leaf, {}
    elif name in manager.all_groups:
        yield from _members(yaml.safe_load(_plain(Path(str(entry.yaml_path))))["task"], manager, suite)
    else:
        yield name, {}


def _members(
    members: Iterable[Any], manager: "TaskManager", suite: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    several: list[Any] = members if isinstance(members, list) else [members]
    for member in several:
        if isinstance(member, str):
            yield from _tasks(member, manager, suite)
        elif "group" in member and "task" in member:
            yield from _members(member["task"], manager, suite)
        else:
            named = member.get("task", member.get("group"))
            own = {key: value for key, value in member.items() if key not in ("task", "group")}
            yield from ((leaf, settings | own) for leaf, settings in _tasks(named, manager, suite))


def _plain(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace("!function", "")


def _write_task(
    task: str,
    own: dict[str, Any],
    chosen: dict[str, Any],
    data: str | None,
    manager: "TaskManager",
    folder: Path,
) -> None:
    """A file that includes lm-eval's own, with the shots and the data that were asked for."""
    settings = {"include": str(manager.task_index[task].yaml_path), "task": task, **own}
    if "num_fewshot" in chosen:
        settings["num_fewshot"] = chosen["num_fewshot"]
    text = yaml.safe_dump(settings, sort_keys=False, width=110)
    if data is not None:
        text += f"custom_dataset: !function relscale.scoring.local_data.files\ndataset_kwargs: {{path: '{data}'}}\n"
    (folder / f"{task}.yaml").write_text(text, encoding="utf-8")


def _noted(tasks: Iterable[list[Request]], kinds: set[bool], counts: set[int]) -> Iterator[list[Request]]:
    """The same requests, noting whether they are whole documents and how many choices a document has."""
    for requests in tasks:
        kinds |= {request.context is None for request in requests}
        places = [place for place, request in enumerate(requests) if request.choice == 0]
        counts |= {end - start for start, end in zip(places, [*places[1:], len(requests)], strict=True)}
        yield requests


def _described(name: str, manifest: Manifest, kinds: set[bool], counts: set[int]) -> Manifest:
    """The manifest with what the requests tell of the tasks."""
    if kinds == {True, False}:
        raise RelscaleError(
            f"suite {name}: some of its tasks score whole documents and some score answers; make two suites of them"
        )
    if kinds == {True}:
        manifest = replace(manifest, kind="rolling", metric="bits_per_byte_document_pooled")
    elif len(counts) == 1 and counts != {1}:
        manifest = replace(manifest, choices=counts.pop())
    if all(place.subject for place in manifest.tasks.values()):
        manifest = replace(manifest, metric=f"{manifest.metric}_micro")
    return manifest
