"""What a builder makes: the documents of one lm-eval task."""

from dataclasses import dataclass
from typing import Any

from relscale.scoring.manifest import Task


@dataclass(frozen=True)
class TaskData:
    """One task: its name within the suite, where its items belong, and its rows, each with an ``id`` of its own."""

    name: str
    task: Task
    rows: list[dict[str, Any]]
