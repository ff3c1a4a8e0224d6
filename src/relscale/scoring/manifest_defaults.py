"""The keys of a suite.yaml that follow from others or from the suite's tasks."""

from pathlib import Path
from typing import Any, Literal

from relscale.error_metrics import is_error
from relscale.scoring.task_files import output_type, task_files

TEMPLATE = "task.yaml"  # the lm-eval task that reads the suite's data
Kind = Literal["multiple_choice", "rolling"]
METRIC_OF_KIND = {
    "multiple_choice": "bits_per_byte_answer_mean",
    "rolling": "bits_per_byte_document_pooled",
}


def with_defaults(written: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A suite's description with its missing keys inferred.

    The title is the folder's name; kind and metric are those of the template ``task.yaml``; which direction is better
    follows from the metric. ``groups: {asia: [japan, india]}`` lists each group's tasks, ``groups: [asia, europe]`` the
    groups alone, and ``{asia: Asia}`` their labels; ``tasks: {japan: asia}`` is a task's group.
    """
    title = written.get("title", _label(folder.resolve().name))
    kind = written.get("kind") or _kind(folder)
    metric = written.get("metric", METRIC_OF_KIND.get(str(kind)))
    filled: dict[str, Any] = {"title": title, "description": f"{title}.", "baseline": "", **written}
    if kind is not None:
        filled["kind"] = kind
    if metric is not None:
        filled["metric"] = metric
        filled.setdefault("direction", "lower" if is_error(str(metric)) else "higher")
    return {**filled, **_groups_and_tasks(written.get("groups") or {}, written.get("tasks") or {})}


def _groups_and_tasks(groups: Any, tasks: Any) -> dict[str, Any]:
    """Groups and tasks in their long form; other values stay unchanged, so that validation reports them."""
    if isinstance(groups, list) and all(isinstance(name, str) for name in groups):
        groups = {name: {} for name in groups}
    if not isinstance(groups, dict) or not isinstance(tasks, dict):
        return {"groups": groups, "tasks": tasks}
    long_groups: dict[str, Any] = {}
    long_tasks: dict[str, Any] = {}
    for name, entry in groups.items():
        if isinstance(entry, list) and all(isinstance(task, str) for task in entry):
            long_tasks |= {task: {"group": name} for task in entry}
            entry = {}
        entry = {"label": entry} if isinstance(entry, str) else entry
        long_groups[name] = {"label": _label(str(name)), **entry} if isinstance(entry, dict) else entry
    for name, entry in tasks.items():
        long_tasks[name] = {"group": entry} if isinstance(entry, str) else entry
    return {"groups": long_groups, "tasks": long_tasks}


def _kind(folder: Path) -> Kind | None:
    """The kind of a suite, from its template or its first task that implies one."""
    template = folder / TEMPLATE
    outputs = [output_type(template)] if template.is_file() else []
    outputs += [task.output_type for task in task_files(folder / "tasks", folder).values()]
    return next((kind_of_output(output) for output in outputs if output is not None), None)


def kind_of_output(output: str) -> Kind:
    """The kind of a suite whose tasks have an output of lm-eval; its tasks that generate text are excluded."""
    return "rolling" if output == "loglikelihood_rolling" else "multiple_choice"


def _label(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").capitalize()
