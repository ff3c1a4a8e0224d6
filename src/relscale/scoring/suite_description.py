"""The description of a suite: its folder, its options, and the files that it is read from.

A suite is a folder with ``suite.yaml`` and one of

- ``task.yaml`` (an lm-eval task without a name or data) and ``data/*.jsonl``, one task per file;
- ``task.yaml``, or a file for each prompt form, where ``suite.yaml`` names a builder: one that reads a data set, or
  one that makes the data from held-out documents;
- ``tasks/*.yaml``, lm-eval tasks of any kind, listed in ``suite.yaml``.

The suites in ``relscale/scoring/suites`` are known by name; an experiment names any other folder by ``path``, and
lm-eval's own tasks by ``lm_eval`` (``relscale.scoring.named_tasks``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from relscale.errors import RelscaleError
from relscale.provenance import digest, folder_digest
from relscale.scoring.builders import data_builders, documents_builders
from relscale.scoring.data_source import data_files
from relscale.scoring.manifest import DataSource, Manifest, read_manifest
from relscale.scoring.manifest_defaults import kind_of_output
from relscale.scoring.options import HubDataSource, Suite, SuiteOptions
from relscale.scoring.supported_tasks import SCORED
from relscale.scoring.task_files import TaskFile, group_names, task_files
from relscale.storage.file_name import file_name
from relscale.suggestions import nearest, suggestion

SUITES = Path(__file__).parent / "suites"


def read_suite(name: str, suite: Suite) -> tuple[Path, Manifest]:
    """The folder of a suite, and its manifest with the options of the experiment.

    Raises
    ------
    RelscaleError
        There is no such suite, builder or option, the option data has an unknown form, or tasks are missing.
    """
    source = suite_folder(name, suite)
    manifest = read_manifest(source)
    manifest = replace(
        manifest,
        name="" if file_name(name) == name else name,
        options=_options(name, manifest, suite),
        baseline=suite.baseline or manifest.baseline,
        cluster=suite.cluster or manifest.cluster,
        data=_data(suite, manifest),
    )
    if (source / "tasks").is_dir():
        _check_listed(manifest, source)
    elif manifest.builder is not None:
        _check_builder(manifest, source)
    elif not any((source / "data").glob("*.jsonl")):
        raise RelscaleError(
            f"{source}: no data/*.jsonl, no tasks/*.yaml and no builder; a suite has one of the three"
        )
    path = manifest.data.path
    if path is not None and not Path(path).exists():
        raise RelscaleError(
            f"suite {name}: no data at {path} (in {Path.cwd()}); name the folder in the suite's option 'data'"
        )
    return source, manifest


def _check_builder(manifest: Manifest, source: Path) -> None:
    known = [*documents_builders(), *data_builders()]
    if manifest.builder not in known:
        raise RelscaleError(f"{source}: no builder {manifest.builder!r}; there are {', '.join(known)}")
    for form in manifest.options.forms or ():
        if not (source / f"{form}.yaml").is_file():
            raise RelscaleError(f"{source}: no prompt form {form!r}; a form is a file there, {form}.yaml")
    for subject in manifest.options.subjects or ():
        if subject not in manifest.tasks:
            raise RelscaleError(
                f"{source}: no subject {subject!r}; there are {', '.join(list(manifest.tasks)[:5])} …"
            )


def needs_documents(name: str, suite: Suite) -> bool:
    """Whether a suite is built from the held-out documents of the corpora; False for a built one."""
    if suite.lm_eval is not None:
        return False
    folder = suite_folder(name, suite)
    return read_manifest(folder).builder in documents_builders() and not (folder / "tasks").is_dir()


def lists_tasks(name: str, suite: Suite) -> bool:
    """Whether a suite consists of lm-eval tasks, by name or in a folder, so that lm-eval's own metrics are reported."""
    if suite.lm_eval is not None:
        return True
    folder = suite_folder(name, suite)
    return (folder / "tasks").is_dir() and read_manifest(folder).builder is None


def suite_folder(name: str, suite: Suite) -> Path:
    """The folder of a suite's description: ``suite.path``, or that of a shipped suite.

    Raises
    ------
    RelscaleError
        There is no such suite.
    """
    if suite.path is not None:
        return Path(suite.path)
    if not (SUITES / name).is_dir():
        meant = nearest(name, available_suites())
        shipped = f"name {meant!r}" if meant else f"name one of {', '.join(available_suites())}"
        raise RelscaleError(f"no suite {name!r}; {shipped}, or set its 'path' to a folder")
    return SUITES / name


def suite_title(name: str, suite: Suite) -> tuple[str, str, str]:
    """Title of a suite, what it measures, and its note."""
    if suite.lm_eval is not None:
        return name, f"lm-eval's {', '.join(suite.lm_eval)}.", ""
    manifest = read_manifest(suite_folder(name, suite))
    return manifest.title, manifest.description, manifest.note


def available_suites() -> list[str]:
    """Names of the shipped suites."""
    return sorted(path.parent.name for path in SUITES.glob("*/suite.yaml"))


def suite_digest(name: str, suite: Suite) -> str:
    """Digest of a suite's description and shipped data, by which a workflow detects changes."""
    if suite.lm_eval is not None:
        own = None if suite.include_path is None else folder_digest(suite.include_path)
        return digest([suite.given(), own])
    return folder_digest(suite_folder(name, suite))


def hub_data(name: str, suite: Suite) -> DataSource | None:
    """The data set on the hub that a suite is read from, or None.

    Raises
    ------
    RelscaleError
        There is no such suite, or its option data has an unknown form.
    """
    if suite.lm_eval is not None:
        return None
    manifest = read_manifest(suite_folder(name, suite))
    data = _data(suite, manifest) if manifest.builder in data_builders() else None
    return data if data is not None and data.hub is not None else None


def suite_inputs(suite: Suite) -> list[Path]:
    """The user's files that a suite is read from, outside its folder; empty if its data are shipped, built, or on the
    hub.

    Raises
    ------
    RelscaleError
        A file is missing, or cannot be read as a task.
    """
    paths = list(_paths(suite.data)) if suite.lm_eval is not None or isinstance(suite.data, str) else []
    own = _own_tasks(suite)
    paths += dict.fromkeys(file for task in own.values() for file in (*task.code, *task.data))
    return [file for path in paths for file in data_files(path)]


def _own_tasks(suite: Suite) -> Mapping[str, TaskFile]:
    """The user's own lm-eval tasks of a suite."""
    if suite.include_path is not None:
        return task_files(Path(suite.include_path), Path(suite.include_path))
    return {} if suite.path is None else task_files(Path(suite.path, "tasks"), Path(suite.path))


def _paths(data: object) -> Iterator[str]:
    """All paths in an option: one, or several by task and split."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _paths(value)


def _options(name: str, manifest: Manifest, suite: Suite) -> SuiteOptions:
    """The suite's options, overridden by those of the experiment."""
    handled = ["path", "baseline", "cluster", *(["data"] if manifest.builder in data_builders() else [])]
    known = manifest.options.given()
    options = {key: value for key, value in suite.given().items() if key not in handled}
    for key in options:
        if key not in known:
            meant = suggestion(key, [*handled, *known], "allowed are")
            raise RelscaleError(f"suite {name}: unknown option {key!r}; {meant}")
    return SuiteOptions.model_validate({**known, **options})


def _data(suite: Suite, manifest: Manifest) -> DataSource:
    """Location of the suite's data: by the experiment, else by the suite."""
    if suite.data is None:
        return manifest.data
    if isinstance(suite.data, str):
        return DataSource(path=suite.data)
    try:
        source = HubDataSource.model_validate(suite.data)
    except ValidationError:
        raise RelscaleError(
            f"data: {suite.data!r}: give a path, or {{hub: name, revision: commit}}"
        ) from None
    return DataSource(hub=source.hub, revision=source.revision, files=source.files or manifest.data.files)


def _check_listed(manifest: Manifest, source: Path) -> None:
    if not manifest.tasks:
        raise RelscaleError(f"{source}: suite.yaml lists no task; name those of tasks/ under 'tasks'")
    files = task_files(source / "tasks", source)
    for task, entry in manifest.tasks.items():
        if task not in files and task in group_names(source / "tasks"):
            raise RelscaleError(
                f"{source}: suite.yaml lists {task!r}, a group of tasks; list its tasks, or name the group in the "
                f"config: {{lm_eval: [{task}], include_path: {source / 'tasks'}}}"
            )
        if task not in files:
            raise RelscaleError(
                f"{source}: suite.yaml lists the task {task!r}; no file in tasks/ has that name"
            )
        output = files[task].output_type
        kind = kind_of_output(output) if output in SCORED else manifest.kind
        if kind != manifest.kind:
            raise RelscaleError(
                f"{source}: the task {task!r} has output_type {output}, and the suite is of kind {manifest.kind}; set "
                f"kind: {kind}, or put the task into another suite"
            )
        if entry.group not in manifest.groups:
            raise RelscaleError(
                f"{source}: task {task!r} is of group {entry.group!r}, which suite.yaml does not list"
            )
