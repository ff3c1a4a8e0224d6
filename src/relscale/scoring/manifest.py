"""The manifest of a suite: ``suite.yaml``, read and checked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Literal, TypedDict, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from relscale.errors import RelscaleError, keyed
from relscale.experiments.schema_values import Schema, values_of
from relscale.experiments.section import Section
from relscale.scoring.manifest_defaults import TEMPLATE, Kind, with_defaults
from relscale.scoring.options import SuiteOptions
from relscale.storage.atomic import write_text
from relscale.storage.record import reason
from relscale.storage.yaml_text import dump, read
from relscale.suggestions import suggestion

FILE = "suite.yaml"
WHOLE_DOCUMENT = "whole"  # prompt form in which all tokens of a document are scored, in lm-eval's windows

Direction = Literal["lower", "higher"]
S = TypeVar("S", bound=Section)

UNKNOWN = (
    "unexpected_keyword_argument",
    "extra_forbidden",
)  # pydantic's names for a key that is not declared
FORMER = {"what": "description"}  # former names of keys
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Task:
    """Group, prompt form and, within a group, subject of the items of an lm-eval task.

    ``subject_is_group`` states that the subject is the group's name because the task has none of its own
    (`Manifest.with_subjects`).
    """

    __pydantic_config__ = _STRICT

    group: str
    prompt: str = "default"
    subject: str | None = None
    subject_is_group: bool | None = None


@dataclass(frozen=True)
class Group:
    """A test distribution: its label in figures, its other names in the data, the spelling that defines it
    (varieties), and its number of items."""

    __pydantic_config__ = _STRICT

    label: str
    also: tuple[str, ...] = ()
    spelling: str | None = None
    items: int | None = None


@dataclass(frozen=True)
class DataSource:
    """Location of a suite's data: a local path, or a data set of the hub.

    Attributes
    ----------
    path, digest
        The folder or file; for a prepared suite, a digest of its content.
    hub, revision, files
        The data set, its commit, and patterns of the required files.
    """

    __pydantic_config__ = _STRICT

    path: str | None = None
    digest: str | None = None
    hub: str | None = None
    revision: str | None = None
    files: tuple[str, ...] = ()


class Windows(TypedDict, total=False):
    """Windows of documents, if different from lm-eval's: see `relscale.scoring.engine.Engine.score_texts`."""

    context_tokens: int
    overlap: float


@dataclass(frozen=True)
class Manifest:
    """A suite: its metric, baseline, groups and lm-eval tasks.

    Attributes
    ----------
    title, description
        Name in figures, and a one-sentence description.
    kind
        ``multiple_choice``, or ``rolling`` for the probability of whole documents.
    metric, direction
        Headline metric, and whether ``lower`` or ``higher`` is better.
    prompt
        Headline prompt form.
    baseline
        Baseline group of the gaps; empty for the first group.
    cluster
        Field of a document that names its cluster, such as its file or passage: items are resampled by cluster. None
        for independent documents.
    choices
        Number of choices per question, if constant.
    builder
        Module in ``relscale/scoring/builders`` that builds the tasks; None if their data are shipped.
    data
        Data for the builder; for a prepared suite, the provenance of the data.
    options
        Options of the builder; an experiment's config can override them.
    groups, tasks
        Groups and tasks by name. Both can be absent if they follow from the data.
    left_out
        Excluded groups with too few items, or lm-eval tasks that cannot be scored, with the reason.
    name
        Name of a prepared suite if its folder has another name, because the name is not a valid file name.
    task_metrics
        Metrics that lm-eval's tasks report themselves, and whether higher is better.
    """

    __pydantic_config__ = _STRICT

    title: str
    description: str
    kind: Kind
    metric: str
    direction: Direction
    baseline: str
    prompt: str = "default"
    note: str = ""
    cluster: str | None = None
    choices: int | None = None
    builder: str | None = None
    data: DataSource = field(default_factory=DataSource)
    options: SuiteOptions = field(default_factory=SuiteOptions)
    groups: dict[str, Group] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    name: str = ""
    task_metrics: dict[str, Direction] = field(default_factory=dict)

    @property
    def chance(self) -> float | None:
        """Chance accuracy of the suite; None without choices."""
        choices = self.options.choices or self.choices
        return 1 / choices if choices else None

    def group_called(self, name: str) -> str:
        """The group of this name, or with this other name in the data; the name itself if there is none."""
        return next((group for group, entry in self.groups.items() if name in entry.also), name)

    def windows(self, prompt: str) -> Windows:
        """Windows of the documents under a prompt form, if they differ from lm-eval's."""
        windows = Windows()
        if prompt != WHOLE_DOCUMENT:
            if self.options.context_tokens is not None:
                windows["context_tokens"] = self.options.context_tokens
            if self.options.overlap is not None:
                windows["overlap"] = self.options.overlap
        return windows

    def with_subjects(self) -> "Manifest":
        """The manifest in which every task has a subject if one has: else its group's name, marked as such.

        Groups with subjects have other metrics (micro, macro) than groups without, and could not be compared with them.
        """
        if not any(task.subject for task in self.tasks.values()):
            return self
        tasks = {
            name: task if task.subject else replace(task, subject=task.group, subject_is_group=True)
            for name, task in self.tasks.items()
        }
        return replace(self, tasks=tasks)

    def options_of(self, builder: type[S]) -> S:
        """The options that a builder needs.

        Raises
        ------
        RelscaleError
            The suite lacks one of them.
        """
        stated = self.options.given()
        try:
            return builder.model_validate(
                {name: stated[name] for name in builder.model_fields if name in stated}
            )
        except ValidationError as error:
            raise RelscaleError(
                f"suite.yaml: options.{reason(error)}; set it, as the shipped suites do"
            ) from None


def read_manifest(folder: str | Path) -> Manifest:
    """Read ``suite.yaml`` in ``folder``; missing keys are inferred from the others.

    Raises
    ------
    RelscaleError
        There is neither ``suite.yaml`` nor ``task.yaml``, or a key is unknown or its value invalid.
    """
    path = Path(folder) / FILE
    if not path.is_file() and not (Path(folder) / TEMPLATE).is_file():
        raise RelscaleError(
            f"{path}: no such file; a suite is a folder with suite.yaml, or with task.yaml and data/*.jsonl"
        )
    written = read(path) if path.is_file() else {}
    if not isinstance(written, dict):
        raise RelscaleError(f"{path}: not a mapping of keys such as title, groups and baseline")
    with keyed(str(path)):
        values = values_of(_schema(), with_defaults(written, Path(folder)))
    try:
        return _adapter().validate_python({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        raise RelscaleError(f"{path}: {_reason(error)}") from None


def check_manifest_name(path: Path) -> None:
    """Refuse a manifest of another name: a suite is read as a folder, whose manifest is ``suite.yaml``.

    Raises
    ------
    RelscaleError
        The file has another name.
    """
    if path.name != FILE:
        raise RelscaleError(f"{path}: name the file {FILE} in the folder of a prepared suite")


def suite_name(folder: str | Path) -> str:
    """Name of a prepared suite in the experiment."""
    return read_manifest(folder).name or Path(folder).name


def write_manifest(manifest: Manifest, folder: str | Path) -> None:
    """Write ``suite.yaml`` into ``folder``, without default values."""
    values = {
        key: value
        for key, value in asdict(manifest).items()
        if key in NEEDED or value not in ("", {}, None, "default")
    }
    for part in ("groups", "tasks"):
        if part in values:
            values[part] = {name: _stated(entry) for name, entry in values[part].items()}
    values["data"], values["options"] = _stated(values["data"]), manifest.options.given()
    write_text(Path(folder) / FILE, dump({key: value for key, value in values.items() if value != {}}))


def _stated(entry: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in entry.items() if value not in (None, ())}


@cache
def _adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


@cache
def _schema() -> Schema:
    """The JSON schema of a manifest, so that a group called ``no`` or ``2024`` is read as text."""
    return _adapter().json_schema()


def _reason(error: ValidationError) -> str:
    """The error and its location; unknown keys, which may be misspelt, come before missing ones."""
    errors = error.errors(include_url=False)
    first = min(errors, key=lambda entry: entry["type"] not in UNKNOWN)
    place, key = first["loc"][:-1], first["loc"][-1]
    location = ".".join(map(str, place)) or "the suite"
    if first["type"] in UNKNOWN:
        meant = FORMER.get(str(key), str(key))
        return f"{location} has an unknown key {key!r}; {suggestion(meant, _keys(place), 'allowed are')}"
    if first["type"] in ("missing", "missing_argument"):
        remedy = "add it, or add a task.yaml that implies it" if not place else "it needs one"
        return f"{location} has no {key!r}; {remedy}"
    return reason(error)


def _keys(place: Sequence[str | int]) -> Iterable[str]:
    """The allowed keys of the part of a manifest at ``place``."""
    parts = {"groups": Group, "tasks": Task, "data": DataSource}
    if place and place[0] == "options":
        return SuiteOptions.model_fields
    return (attribute.name for attribute in fields(parts[str(place[0])] if place else Manifest))


NEEDED = tuple(
    attribute.name
    for attribute in fields(Manifest)
    if attribute.default is attribute.default_factory is MISSING
)
