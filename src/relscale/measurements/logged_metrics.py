"""The metrics of a task that lm-eval logged per document."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from relscale.measurements.inferred_task import Label, Question
from relscale.scoring.declared_metrics import aggregation_name, filled_registry
from relscale.scoring.manifest import Task
from relscale.scoring.task_values import TaskValue, as_json, values_of

ARRAY = re.compile(r"\[\s*[-+.\w]+(?:\s+[-+.\w]+)*\s*\]")


@dataclass(frozen=True)
class Reported:
    """lm-eval's metrics of one document: the filter of its responses, and each metric's value."""

    doc_id: str
    filter: str
    values: Mapping[str, Any]


def metric_rows(
    reported: Sequence[Reported],
    settings: Mapping[str, Any],
    suite: str,
    name: str,
    task: Task,
    targets: bool,
) -> Iterator[TaskValue]:
    """The values of one task.

    Parameters
    ----------
    reported
        lm-eval's metrics of its documents.
    settings
        The task's settings in lm-eval's results, which name the aggregation of each metric. Without
        results, lm-eval's default for the metric is used.
    suite, name, task
        The suite, the task's name, and its group and prompt.
    targets
        Whether the task and its items agree on the right choices.
    """
    listed = settings.get("metric_list")
    settings_by_metric = {
        str(entry.get("metric")): entry.get("aggregation")
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, dict)
    }
    task_value = values_of(suite, name, task, targets)
    aggregations: dict[str, str | None] = {}
    for document in reported:
        for metric, value in document.values.items():
            if metric not in aggregations:
                aggregations[metric] = _aggregation(metric, settings_by_metric.get(metric))
            yield task_value(
                doc_id=document.doc_id,
                metric=metric,
                filter=document.filter,
                value=as_json(_with_arrays(value)),
                aggregation=aggregations[metric],
            )


def _with_arrays(value: Any) -> Any:
    """A value with its arrays of numbers, such as the probabilities of a Brier score, which lm-eval logs as text.

    NumPy's text has eight digits of each number.

    Examples
    --------
    >>> _with_arrays([0, "[9.99999994e-01 6.00446036e-09]"])
    [0, [0.999999994, 6.00446036e-09]]
    >>> _with_arrays("[not numbers]")
    '[not numbers]'
    """
    if isinstance(value, list):
        return [_with_arrays(part) for part in value]
    if isinstance(value, str) and ARRAY.fullmatch(value):
        with suppress(ValueError):
            return [float(number) for number in value[1:-1].split()]
    return value


def _aggregation(metric: str, name: Any) -> str | None:
    """The name of a metric's aggregation; None for a function of the task's own."""
    registry = filled_registry()
    if isinstance(name, str):
        return name if name in registry.AGGREGATION_REGISTRY else None
    known = metric in registry.METRIC_AGGREGATION_REGISTRY
    return aggregation_name(registry.METRIC_AGGREGATION_REGISTRY.get(metric) if known else None)


def agrees(questions: Sequence[Question], labels: Sequence[Label], reported: Sequence[Reported]) -> bool:
    """Whether the task and its items agree on the right choices: one of its metrics is 1 for them, and 0 otherwise.

    Parameters
    ----------
    questions, labels
        Questions of one task, and their assumed labels.
    reported
        lm-eval's metrics of the same documents, in the same order.
    """
    agreeing: set[str] | None = None
    for question, (indices, _), document in zip(questions, labels, reported, strict=True):
        right = float(int(np.argmax(question.logprobs)) in indices)
        same = {name for name, value in document.values.items() if _correct(value) == right}
        agreeing = same if agreeing is None else agreeing & same
    return agreeing is None or bool(agreeing)


def _correct(value: Any) -> Any:
    """A metric's value; for a pair of label and prediction, whether they are equal."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, int) for part in value):
        return float(value[0] == value[1])
    return value
