"""The YAML files of a folder's own lm-eval tasks, read without lm-eval, whose import takes seconds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from glob import glob
from importlib.util import find_spec
from pathlib import Path

import yaml

from relscale.errors import RelscaleError
from relscale.storage.folder_files import files_below
from relscale.storage.yaml_text import Plain, read

FUNCTION = "!function"
VERSIONED = ("lm_eval", "relscale")  # packages whose versions name the results
IGNORED = frozenset(("__pycache__", ".ipynb_checkpoints"))  # folders that lm-eval does not read
LOCATIONS = ("data_files", "data_dir")  # arguments of `datasets.load_dataset`


@dataclass(frozen=True)
class TaskFile:
    """One task: its file, lm-eval's name of its output, and the files outside the suite's folder that it reads.

    Attributes
    ----------
    code
        Files that it includes, and the modules of its functions.
    data
        Local files and folders of its data set.
    """

    path: Path
    output_type: str | None
    code: tuple[str, ...]
    data: tuple[str, ...]


def yaml_files(folder: Path) -> list[Path]:
    """The YAML files of a folder of tasks and below, in lm-eval's order.

    Links to folders are followed, which lm-eval does not do. A file that a link leads to as well is listed once, by its
    own path.

    Raises
    ------
    RelscaleError
        A folder cannot be read, or a link leads to a folder that contains it.
    """
    if not folder.is_dir():
        return []
    real_folder = cache(Path.resolve)
    root = real_folder(folder)
    listed: dict[Path, Path] = {}
    for path in sorted(files_below(folder), key=Path.as_posix):
        if path.suffix == ".yaml" and IGNORED.isdisjoint(path.parts):
            file = path.resolve() if path.is_symlink() else real_folder(path.parent) / path.name
            if file not in listed or file == root / path.relative_to(folder):
                listed[file] = path
    return sorted(listed.values(), key=Path.as_posix)


def task_files(folder: Path, suite: Path) -> dict[str, TaskFile]:
    """The tasks in a folder of a suite and below, by name.

    Raises
    ------
    RelscaleError
        A file is not YAML or includes one that is missing, two have the same task, or lm-eval would not read a task's
        name as text.
    """
    tasks: dict[str, TaskFile] = {}
    for path in yaml_files(folder):
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


def group_names(folder: Path) -> set[str]:
    """The groups of tasks that files in a folder and below define."""
    documents = [read(path, (FUNCTION,)) for path in yaml_files(folder)]
    return {str(own["group"]) for own in documents if isinstance(own, dict) and "group" in own}


def output_type(path: Path) -> str | None:
    """lm-eval's name of the output of the task in a file, or in the files that it includes; None if none names it."""
    return _task_file(path, path.parent).output_type


def absolute_includes(path: Path, source: Path, suite: Path) -> str:
    """The text of a task's file, copied to ``path`` from ``source`` in a suite's folder, so that it includes the same.

    Relative names of files outside the suite's folder, which is copied as a whole, become absolute.
    """
    text = path.read_text(encoding="utf-8-sig")
    document = yaml.compose(text)
    named = [
        name
        for key, value in (document.value if isinstance(document, yaml.MappingNode) else ())
        if key.value == "include"
        for name in (value.value if isinstance(value, yaml.SequenceNode) else [value])
    ]
    for name in reversed(named):  # from the end, so that earlier places remain
        file = (source.parent / name.value).resolve()
        if not Path(name.value).is_absolute() and not file.is_relative_to(suite.resolve()):
            start, end = name.start_mark.index, name.end_mark.index
            text = f"{text[:start]}{json.dumps(str(file), ensure_ascii=False)}{text[end:]}"
    return text


def _task_file(path: Path, suite: Path) -> TaskFile:
    settings: dict[str, object] = {}
    code = []
    for file, own in _included(path, set()):
        settings |= own
        code += [str(each) for each in (file, *_modules(file)) if not each.is_relative_to(suite.resolve())]
    stated = settings.get("output_type")
    return TaskFile(
        path, None if stated is None else str(stated), tuple(dict.fromkeys(code)), tuple(_data(settings))
    )


def _modules(path: Path) -> Iterator[Path]:
    """The modules of the functions that a file names: beside it, else installed; those of relscale and lm-eval have
    versions."""
    for event in yaml.parse(path.read_text(encoding="utf-8-sig")):
        if getattr(event, "tag", None) != FUNCTION:
            continue
        module = event.value.rpartition(".")[0]
        beside = path.parent / f"{module.replace('.', '/')}.py"
        top, _, below = module.partition(".")
        if beside.is_file():
            yield beside.resolve()
        elif top not in VERSIONED and (installed := _installed(top, below)) is not None:
            yield installed


def _installed(package: str, below: str) -> Path | None:
    """The file of an installed module; nothing is imported."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not below:
        return Path(spec.origin).resolve() if spec.origin and Path(spec.origin).is_file() else None
    files = [
        Path(folder, f"{below.replace('.', '/')}{end}")
        for folder in spec.submodule_search_locations or ()
        for end in (".py", "/__init__.py")
    ]
    return next((file.resolve() for file in files if file.is_file()), None)


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
