"""What a suite says of itself: ``suite.yaml``, read and checked."""

from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from relscale.atomic import write_text
from relscale.errors import RelscaleError
from relscale.schema_values import values_of
from relscale.yaml_text import dump, read

FILE = "suite.yaml"
KINDS = ("multiple_choice", "rolling")
WHOLE = "whole"  # the form in which all of a document is scored, in lm-eval's windows


@dataclass(frozen=True)
class Task:
    """Where the items of one lm-eval task belong: their group, their prompt form and, within a group, their subject."""

    group: str
    prompt: str = "default"
    subject: str | None = None


@dataclass(frozen=True)
class Group:
    """A test distribution: how figures call it, other names that data have for it, the spelling that makes it
    (varieties), the items that it has."""

    label: str
    also: tuple[str, ...] = ()
    spelling: str | None = None
    items: int | None = None


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
    choices
        How many a question has, where all have as many.
    builder
        The file in ``relscale/scoring/builders`` that makes the tasks; None where their data are shipped.
    data
        Where a builder reads: ``path``, or ``hub`` with ``revision`` and the ``files`` needed. Of a prepared suite,
        what was read.
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

    title: str
    what: str
    kind: str
    metric: str
    direction: str
    baseline: str
    prompt: str = "default"
    note: str = ""
    choices: int | None = None
    builder: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    name: str = ""
    task_metrics: dict[str, str] = field(default_factory=dict)

    @property
    def chance(self) -> float | None:
        """Accuracy of a guess among the suite's choices, None where it has none."""
        choices = self.options.get("choices", self.choices)
        return 1 / choices if choices else None

    def windows(self, prompt: str) -> dict[str, Any]:
        """How documents of a prompt form are read, where not as lm-eval does.

        See `relscale.scoring.engine.Engine.score_texts`.
        """
        if prompt == WHOLE:
            return {}
        return {name: self.options[name] for name in ("context_tokens", "overlap") if name in self.options}


Kind = TypeVar("Kind", Task, Group, Manifest)


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
        values = values_of(_schema(Manifest), written)
    except RelscaleError as error:
        raise RelscaleError(f"{path}: {error}") from None
    groups = {
        name: _made(Group, entry, path, f"groups.{name}") for name, entry in _part(values, "groups", path)
    }
    tasks = {name: _made(Task, entry, path, f"tasks.{name}") for name, entry in _part(values, "tasks", path)}
    manifest = _made(Manifest, {**values, "groups": groups, "tasks": tasks}, path, "the suite")
    for name in ("title", "what", "kind", "metric", "baseline", "prompt", "note"):
        if not isinstance(getattr(manifest, name), str):
            raise RelscaleError(f"{path}: {name}: {getattr(manifest, name)!r} is not text; write text")
    if manifest.kind not in KINDS:
        raise RelscaleError(f"{path}: kind {manifest.kind!r}; choose one of {', '.join(KINDS)}")
    if manifest.direction not in ("lower", "higher"):
        raise RelscaleError(f"{path}: direction {manifest.direction!r}; choose lower or higher")
    return manifest


def suite_name(folder: str | Path) -> str:
    """What a prepared suite is called in the experiment."""
    return read_manifest(folder).name or Path(folder).name


def write_manifest(manifest: Manifest, folder: str | Path) -> None:
    """Write ``suite.yaml`` into ``folder``; what is at its default is left away."""
    needed = {each.name for each in fields(Manifest) if each.default is each.default_factory is MISSING}
    values = {
        key: value
        for key, value in asdict(manifest).items()
        if key in needed or value not in ("", {}, None, "default")
    }
    for part in ("groups", "tasks"):
        if part in values:
            values[part] = {name: _given(entry) for name, entry in values[part].items()}
    write_text(Path(folder) / FILE, dump(values))


def _given(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if value not in (None, ())}


def _part(values: dict[str, Any], key: str, path: Path) -> list[tuple[str, dict[str, Any]]]:
    part = values.get(key) or {}
    if not isinstance(part, dict) or not all(isinstance(entry, dict) for entry in part.values()):
        raise RelscaleError(f"{path}: {key} is not a mapping of names to mappings")
    return list(part.items())


@cache
def _schema(kind: type) -> dict[str, Any]:
    """The JSON schema of a dataclass of this file: by it a group called ``no`` or ``2024`` is read as a name."""
    return {"properties": {name: _of_type(hint) for name, hint in get_type_hints(kind).items()}}


def _of_type(hint: Any) -> dict[str, Any]:
    kinds = {str: "string", int: "integer", type(None): "null"}
    options = get_args(hint)
    if hint in kinds:
        return {"type": kinds[hint]}
    if hint in (dict[str, Group], dict[str, Task]):
        return {"additionalProperties": _schema(options[1])}
    if hint == dict[str, str]:
        return {"additionalProperties": {"type": "string"}}
    if hint == tuple[str, ...]:
        return {"items": {"type": "string"}}
    return {"type": [kinds[option] for option in options]} if set(options) <= set(kinds) else {}


def _made(kind: type[Kind], entry: dict[str, Any], path: Path, where: str) -> Kind:
    unknown = entry.keys() - {known.name for known in fields(kind)}
    if unknown:
        allowed = ", ".join(known.name for known in fields(kind))
        raise RelscaleError(
            f"{path}: {where} has an unknown key {sorted(unknown)[0]!r}; allowed are {allowed}"
        )
    try:
        values: dict[str, Any] = {
            key: tuple(value) if key == "also" else value for key, value in entry.items()
        }
        return kind(**values)
    except TypeError as error:
        raise RelscaleError(f"{path}: {where} {str(error).partition(') ')[2] or error}") from error
