"""The documents of an lm-eval task, as made by a builder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from relscale.scoring.manifest import Task


@dataclass(frozen=True)
class TaskData:
    """One task: its name within the suite, its group and prompt, and its rows.

    Attributes
    ----------
    name, task
        Its name; its group, prompt form and subject.
    rows
        The documents; one without an ``id`` is identified by a digest of its content.
    template
        The file of the suite's folder with the lm-eval task that reads the rows.
    examples
        The documents from which solved examples are drawn.
    settings
        Settings of the lm-eval task beyond its template.
    known_as
        lm-eval's own name of the task, if any, by which logged results are found.
    data
        The name of its data file; tasks with the same documents in several prompt forms share one.
    """

    name: str
    task: Task
    rows: Sequence[Mapping[str, object]]
    template: str = "task.yaml"
    examples: Sequence[Mapping[str, object]] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    known_as: str | None = None
    data: str | None = None
