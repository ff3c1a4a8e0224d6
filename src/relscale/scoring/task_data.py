"""What a builder makes: the documents of one lm-eval task."""

from dataclasses import dataclass
from typing import Any

from relscale.scoring.manifest import Task


@dataclass(frozen=True)
class TaskData:
    """One task: its name within the suite, where its items belong, and its rows, each with an ``id`` of its own.

    ``template`` is the file of the suite's folder that tells lm-eval how to read the rows.
    """

    name: str
    task: Task
    rows: list[dict[str, Any]]
    template: str = "task.yaml"
