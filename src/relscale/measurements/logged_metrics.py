"""The metrics that lm-eval reported of a task, document by document, as its log has them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from relscale.measurements.inferred_task import Label, Question
from relscale.scoring.manifest import Task
from relscale.scoring.task_metrics import TaskValue, aggregation_name, as_json


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
        The task's, as lm-eval wrote them into its results: they say how values become one number. Where they are not
        there, lm-eval's usual way for a metric of that name is taken.
    suite, name, task
        The suite, the task's name, and its place in the suite.
    targets
        Whether the task calls right what its items call right.
    """
    listed = settings.get("metric_list")
    said = {
        str(entry.get("metric")): entry.get("aggregation")
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, dict)
    }
    aggregations: dict[str, str | None] = {}
    for document in reported:
        for metric, value in document.values.items():
            if metric not in aggregations:
                aggregations[metric] = _aggregation(metric, said.get(metric))
            yield TaskValue(
                suite=suite,
                task=name,
                prompt=task.prompt,
                group=task.group,
                subject=task.subject,
                doc_id=document.doc_id,
                metric=metric,
                filter=document.filter,
                value=as_json(value),
                aggregation=aggregations[metric],
                targets=targets,
            )


def _aggregation(metric: str, name: Any) -> str | None:
    """The name of the function that makes one number of a metric's values; None for one of the task's own."""
    import lm_eval.api.metrics  # noqa: F401  (fills the registries)
    from lm_eval.api.registry import AGGREGATION_REGISTRY, METRIC_AGGREGATION_REGISTRY

    if isinstance(name, str):
        return name if name in AGGREGATION_REGISTRY else None
    known = metric in METRIC_AGGREGATION_REGISTRY
    return aggregation_name(METRIC_AGGREGATION_REGISTRY.get(metric) if known else None)


def agrees(questions: Sequence[Question], labels: Sequence[Label], reported: Sequence[Reported]) -> bool:
    """Whether the task calls right what its items call right: one of its metrics is 1 there, and 0 elsewhere.

    Parameters
    ----------
    questions, labels
        Of one task, and what is taken as right.
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
    """A metric's value; of the pair of what is right and what was predicted, whether they are the same."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, int) for part in value):
        return float(value[0] == value[1])
    return value
