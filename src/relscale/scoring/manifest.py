"""What a suite says of itself: ``suite.yaml``, read and checked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Literal, TypedDict, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from relscale.atomic import write_text
from relscale.errors import RelscaleError
from relscale.record import reason
from relscale.schema_values import Schema, values_of
from relscale.scoring.options import SuiteOptions
from relscale.section import Section
from relscale.yaml_text import dump, read

FILE = "suite.yaml"
WHOLE = "whole"  # the form in which all of a document is scored, in lm-eval's windows

Kind = Literal["multiple_choice", "rolling"]
Direction = Literal["lower", "higher"]
S = TypeVar("S", bound=Section)

UNKNOWN = (
    "unexpected_keyword_argument",
    "extra_forbidden",
)  # pydantic's names for a key that is not declared
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Task:
    """Where the items of one lm-eval task belong: their group, their prompt form and, within a group, their subject."""

    __pydantic_config__ = _STRICT

    group: str
    prompt: str = "default"
    subject: str | None = None


@dataclass(frozen=True)
class Group:
    """A test distribution: how figures call it, other names that data have for it, the spelling that makes it
    (varieties), the items that it has."""

    __pydantic_config__ = _STRICT

    label: str
    also: tuple[str, ...] = ()
    spelling: str | None = None
    items: int | None = None


@dataclass(frozen=True)
class DataSource:
    """Where the data of a suite are: a path of the user's own, or a data set of the hub.

    Attributes
    ----------
    path, digest
        The folder or file; of a prepared suite, a digest of what was read there.
    hub, revision, files
        The data set, its commit, and patterns of the files that are needed of it.
    """

    __pydantic_config__ = _STRICT

    path: str | None = None
    digest: str | None = None
    hub: str | None = None
    revision: str | None = None
    files: tuple[str, ...] = ()


class Windows(TypedDict, total=False):
    """How documents are read, where not as lm-eval does: see `relscale.scoring.engine.Engine.score_texts`."""

    context_tokens: int
    overlap: float


@dataclass(frozen=True)
class Manifest:
    """A suite: what it measures, against which baseline, and which lm-eval tasks make it up.

    Attributes
    ----------
    kind
        ``multiple_choice``, or ``rolling`` for the probability of whole documents.
    metric, direction
        The metric that figures show first, and whether ``lower`` or ``higher`` is better.
    prompt
        The prompt form that figures show first.
    baseline
        The group that gaps are measured against.
    cluster
        The field of a document that says what it shares with others, such as the file or the passage that it is from:
        items are resampled by it. None where documents are independent.
    choices
        How many a question has, where all have as many.
    builder
        The file in ``relscale/scoring/builders`` that makes the tasks; None where their data are shipped.
    data
        Where a builder reads; of a prepared suite, what was read.
    options
        What the suite's tasks are made with; an experiment's config may set them.
    groups, tasks
        By name. Both may be missing where the data decide.
    left_out
        Groups that have too few items, or tasks of lm-eval that cannot be scored, with the reason.
    name
        Of a prepared suite, where its folder is called otherwise: a name that is not plain has another file name.
    task_metrics
        Metrics that lm-eval's tasks report themselves, and which way is better.
    """

    __pydantic_config__ = _STRICT

    title: str
    what: str
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
        """Accuracy of a guess among the suite's choices, None where it has none."""
        choices = self.options.choices or self.choices
        return 1 / choices if choices else None

    def windows(self, prompt: str) -> Windows:
        """How documents of a prompt form are read, where not as lm-eval does."""
        windows = Windows()
        if prompt != WHOLE:
            if self.options.context_tokens is not None:
                windows["context_tokens"] = self.options.context_tokens
            if self.options.overlap is not None:
                windows["overlap"] = self.options.overlap
        return windows

    def options_of(self, builder: type[S]) -> S:
        """The options that a builder needs.

        Raises
        ------
        RelscaleError
            The suite does not state one of them.
        """
        stated = self.options.given()
        try:
            return builder.model_validate(
                {name: stated[name] for name in builder.model_fields if name in stated}
            )
        except ValidationError as error:
            raise RelscaleError(
                f"suite.yaml: options.{reason(error)}; state it, as the shipped suites do"
            ) from None


def read_manifest(folder: str | Path) -> Manifest:
    """Read ``suite.yaml`` in ``folder``.

    Raises
    ------
    RelscaleError
        There is none, or a key of it is missing, unknown or impossible.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        raise RelscaleError(f"{path}: no such file; a suite is a folder with suite.yaml")
    written = read(path)
    if not isinstance(written, dict):
        raise RelscaleError(
            f"{path}: not a mapping; it needs title, what, kind, metric, direction and baseline"
        )
    try:
        values = values_of(_schema(), written)
    except RelscaleError as error:
        raise RelscaleError(f"{path}: {error}") from None
    try:
        return _adapter().validate_python({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        raise RelscaleError(f"{path}: {_reason(error)}") from None


def suite_name(folder: str | Path) -> str:
    """What a prepared suite is called in the experiment."""
    return read_manifest(folder).name or Path(folder).name


def write_manifest(manifest: Manifest, folder: str | Path) -> None:
    """Write ``suite.yaml`` into ``folder``; what is at its default is left away."""
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
    """The JSON schema of a manifest: by it a group called ``no`` or ``2024`` is read as a name."""
    return _adapter().json_schema()


def _reason(error: ValidationError) -> str:
    """What is wrong, and where; an unknown key, which may be another one misspelt, before one that is missing."""
    errors = error.errors(include_url=False)
    first = min(errors, key=lambda each: each["type"] not in UNKNOWN)
    place, key = first["loc"][:-1], first["loc"][-1]
    where = ".".join(map(str, place)) or "the suite"
    if first["type"] in UNKNOWN:
        return f"{where} has an unknown key {key!r}; allowed are {', '.join(_keys(place))}"
    if first["type"] in ("missing", "missing_argument"):
        return f"{where} has no {key!r}; it needs {', '.join(NEEDED) if not place else 'one'}"
    return reason(error)


def _keys(place: Sequence[str | int]) -> Iterable[str]:
    """The keys that the part of a manifest at ``place`` may have."""
    parts = {"groups": Group, "tasks": Task, "data": DataSource}
    if place and place[0] == "options":
        return SuiteOptions.model_fields
    return (each.name for each in fields(parts[str(place[0])] if place else Manifest))


NEEDED = tuple(each.name for each in fields(Manifest) if each.default is each.default_factory is MISSING)
