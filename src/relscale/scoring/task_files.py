"""The YAML files of a folder's own lm-eval tasks, read without lm-eval, whose import takes seconds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

import yaml

from relscale.errors import RelscaleError
from relscale.storage.yaml_text import Plain, read

FUNCTION = "!function"
LOCATIONS = ("data_files", "data_dir")  # arguments of `datasets.load_dataset`


@dataclass(frozen=True)
class TaskFile:
    """One task: its file, lm-eval's name of its output, and the local files outside the suite's folder that it
    reads."""

    path: Path
    output_type: str | None
    inputs: tuple[str, ...]


def task_files(suite: Path) -> dict[str, TaskFile]:
    """The tasks in ``tasks`` of a suite's folder and below, by name, as lm-eval finds them.

    Raises
    ------
    RelscaleError
        A file is not YAML or includes one that is missing, two have the same task, or lm-eval would not read a task's
        name as text.
    """
    tasks: dict[str, TaskFile] = {}
    for path in sorted((suite / "tasks").rglob("*.yaml")):
        own = read(path, (FUNCTION,))
        if not isinstance(own, dict) or "group" in own or not isinstance(own.get("task"), str):
            continue
        name = own["task"]
        if isinstance(name, Plain) and not isinstance(yaml.safe_load(name), str):
            raise RelscaleError(
                f"{path}: lm-eval does not read the name {name} as text; quote it: task: '{name}'"
            )
        if name in tasks:
            raise RelscaleError(
                f"{path}: the task {name!r} is in {tasks[name].path} as well; give one of them another name"
            )
        tasks[name] = _task_file(path, suite)
    return tasks


def output_type(path: Path) -> str | None:
    """lm-eval's name of the output of the task in a file, or in the files that it includes; None if none names it."""
    return _task_file(path, path.parent).output_type


def _task_file(path: Path, suite: Path) -> TaskFile:
    settings: dict[str, object] = {}
    outside = []
    for file, own in _included(path, set()):
        settings |= own
        if not file.is_relative_to(suite.resolve()):
            outside.append(str(file))
    stated = settings.get("output_type")
    return TaskFile(path, None if stated is None else str(stated), (*outside, *_data(settings)))


def _included(path: Path, visited: set[Path]) -> Iterator[tuple[Path, Mapping[str, object]]]:
    """A file after those that it includes, whose settings it overrides."""
    path = path.resolve()
    visited.add(path)
    own = read(path, (FUNCTION,))
    if not isinstance(own, dict):
        raise RelscaleError(f"{path}: not a mapping of keys such as task and doc_to_text")
    for name in _several(own.get("include")):
        file = path.parent / name
        if not file.is_file():
            raise RelscaleError(f"{path}: includes {name}, and there is no such file")
        if file.resolve() in visited:
            raise RelscaleError(f"{path}: includes {name} a second time, which lm-eval does not read")
        yield from _included(file, visited)
    yield path, own


def _data(settings: Mapping[str, object]) -> Iterator[str]:
    """The local files and folders of a task's data set; those of a data set on the hub do not exist here."""
    named = _several(settings.get("dataset_path"))
    options = settings.get("dataset_kwargs")
    for files in [options.get(key) for key in LOCATIONS] if isinstance(options, dict) else []:
        for each in files.values() if isinstance(files, dict) else [files]:
            named = [*named, *_several(each)]
    for path in named:
        yield from sorted(glob(path, recursive=True)) if not Path(path).exists() else [path]


def _several(value: object) -> Sequence[str]:
    """The texts of a value that is one text or a list of them."""
    return [str(each) for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
