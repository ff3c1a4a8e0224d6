"""The documents of an lm-eval task, as made by a builder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from relscale.scoring.manifest import Task


@dataclass(frozen=True)
class TaskData:
    """One task: its name within the suite, where its items belong, and its rows.

    Attributes
    ----------
    name, task
        Its name, and its place.
    rows
        The documents; one without an ``id`` of its own is known by a digest of all it says.
    template
        The file of the suite's folder that tells lm-eval how to read the rows.
    examples
        The documents that a prompt's solved examples are taken from.
    settings
        Settings of the lm-eval task beyond its template.
    known_as
        The name that lm-eval itself has for the task, where it has one: results of others are found by it.
    data
        The name of its data file; tasks that ask the same documents in several forms share one.
    """

    name: str
    task: Task
    rows: Sequence[Mapping[str, object]]
    template: str = "task.yaml"
    examples: Sequence[Mapping[str, object]] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    known_as: str | None = None
    data: str | None = None
