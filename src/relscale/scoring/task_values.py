"""The values of lm-eval's own metrics of a task, per document.

lm-eval's tasks may define their own metrics (``process_results``, aggregations, filters). relscale does
not reimplement these rules: it passes its stored log-probabilities to lm-eval's task object. This requires
the documents but no model, so `prepare` keeps each task's documents beside its requests (``documents/``), and a scoring
job computes the values after its items. Values are aggregated at collection
(``relscale.measurements.task_metrics``).
"""

import io
import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.scoring.declared_metrics import aggregation_name
from relscale.scoring.kept_documents import FOLDER
from relscale.scoring.manifest import Manifest, Task
from relscale.scoring.target_agreement import targets_are_the_tasks
from relscale.storage.rows import column, strict_schema_of, strict_table_of

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.task import ConfigurableTask

Document = Mapping[str, Any]  # a row of its data set


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskValue:
    """One row per document, metric and filter: the value by lm-eval's task."""

    suite: str = column("Evaluation suite.")
    task: str = column("The lm-eval task.")
    prompt: str = column("Prompt form.")
    group: str = column("Test distribution.")
    subject: str | None = column("Subject within the group.")
    doc_id: str = column("The document.")
    metric: str = column("lm-eval's own name of the metric.")
    filter: str = column("Filter of the responses; none for unfiltered ones.")
    value: str = column("JSON: a number, or the input of the aggregation.")
    aggregation: str | None = column("lm-eval's name of the aggregation; null for a function of the task.")
    targets: bool = column(
        "Whether the task and its items agree on the correct choice; otherwise their accuracy is meaningless."
    )


SCHEMA = strict_schema_of(TaskValue)


def values_of(suite: str, name: str, task: Task, targets: bool) -> "partial[TaskValue]":
    """A row of ``TaskValue`` with the cells that all documents of a task share."""
    return partial(
        TaskValue,
        suite=suite,
        task=name,
        prompt=task.prompt,
        group=task.group,
        subject=task.subject,
        targets=targets,
    )


class ScoredChoice(NamedTuple):
    """The score of one choice of a document, or of the document."""

    prompt: str
    doc_id: str
    choice: int
    target: bool
    logprob: float
    greedy: bool | None

    @property
    def response(self) -> float | tuple[float, bool]:
        """The model's response in lm-eval: a log-probability, for a choice with whether it is greedy."""
        return self.logprob if self.greedy is None else (self.logprob, self.greedy)


class PreparedTasks:
    """The tasks of a prepared suite whose own metrics are reported, loaded from its kept documents."""

    def __init__(self, folder: str | Path, manifest: Manifest):
        from relscale.scoring.lm_eval_tasks import TaskManager

        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        self.manifest = manifest
        self._manager = TaskManager(include_defaults=False, include_path=str(Path(folder) / FOLDER))
        self.load = cache(self._load)

    def __contains__(self, name: str) -> bool:
        return name in self._manager.task_index

    def _load(self, name: str) -> "ConfigurableTask":
        with redirect_stderr(io.StringIO()):
            task: ConfigurableTask = self._manager.load(name)["tasks"][name]
        return task


def has_task_metrics(folder: str | Path) -> bool:
    """Whether any task of a prepared suite reports its own metrics."""
    return (Path(folder) / FOLDER).is_dir()


def task_metrics(prepared: PreparedTasks, suite: str, items: pa.Table) -> pa.Table:
    """The values of lm-eval's tasks per document, with the columns of `SCHEMA`.

    Parameters
    ----------
    prepared
        The suite's tasks.
    suite
        Its name.
    items
        Of one model, in the order of the suite's requests.

    Raises
    ------
    RelscaleError
        The items do not match the kept documents, or a task cannot compute metrics of them.
    """
    from relscale.scoring.lm_eval_tasks import compiled_once

    names = items["task"].combine_chunks().dictionary_encode()
    columns = items.select(list(ScoredChoice._fields))
    rows: list[TaskValue] = []
    for code, name in enumerate(names.dictionary.to_pylist()):
        if name not in prepared:
            continue
        task = prepared.load(name)
        task_columns = columns.filter(pc.equal(names.indices, code))
        choices = map(ScoredChoice, *(column.to_pylist() for column in task_columns.columns))
        scored = _by_document(list(choices), prepared.manifest.tasks[name].prompt)
        with compiled_once():
            rows += _task_rows(task, name, suite, prepared.manifest, scored)
    return strict_table_of(TaskValue, rows)


def _by_document(items: Sequence[ScoredChoice], prompt: str) -> list[list[ScoredChoice]]:
    """Items, which are in the order of requests, grouped by document."""
    starts = [n for n, item in enumerate(items) if item.choice == 0 and item.prompt == prompt]
    return [list(items[start:end]) for start, end in zip(starts, [*starts[1:], len(items)], strict=True)]


def _task_rows(
    task: "ConfigurableTask",
    name: str,
    suite: str,
    manifest: Manifest,
    scored: Sequence[Sequence[ScoredChoice]],
) -> Iterator[TaskValue]:
    documents = list(task.task_docs)
    if len(documents) != len(scored):
        raise RelscaleError(
            f"suite {manifest.title}: {len(scored)} documents of task {name!r} were scored and {len(documents)} are "
            "kept; prepare the suite again"
        )
    targets = [[item.target for item in items] for items in scored]
    agree = targets_are_the_tasks(task.config.process_results, documents, targets)
    task_value = values_of(suite, name, manifest.tasks[name], agree)
    aggregations = task.aggregation()
    results = [[item.response for item in items] for items in scored]
    for metric, filtered, number, value in document_values(task, documents, results):
        yield task_value(
            doc_id=scored[number][0].doc_id,
            metric=metric,
            filter=filtered,
            value=as_json(value),
            aggregation=aggregation_name(aggregations.get(metric)),
        )


def document_values(
    task: "ConfigurableTask",
    documents: Sequence[Document],
    results: Sequence[Sequence[float | tuple[float, bool]]],
) -> Iterator[tuple[str, str, int, Any]]:
    """Metric, filter, index of the document and value, in lm-eval's order: filters, then ``process_results``.

    If the task fails on a document's results (such as the logarithm of 0), its metrics are NaN.
    """
    task._instances = [
        instance
        for number, (doc, responses) in enumerate(zip(documents, results, strict=True))
        for instance in _instances(task, number, doc, responses)
    ]
    task.apply_filters()
    by_document: list[list[Instance]] = [[] for _ in documents]
    for instance in task._instances:
        by_document[instance.doc_id].append(instance)
    failed: list[str] = []
    for filtered in task._instances[0].filtered_resps:
        for number, (doc, instances) in enumerate(zip(documents, by_document, strict=True)):
            try:
                values = task.process_results(
                    doc, [instance.filtered_resps[filtered] for instance in instances]
                )
            except Exception as error:  # any exception of a task's own function
                failed.append(f"{type(error).__name__}: {error}".splitlines()[0])
                values = dict.fromkeys(task.aggregation(), math.nan)
            for metric, value in values.items():
                yield metric, filtered, number, value
    if failed:
        print(
            f"task {task.config.task}: its metrics are not numbers for {len(failed)} of {len(documents)} documents "
            f"({failed[0]})",
            file=sys.stderr,
        )


def _instances(
    task: "ConfigurableTask", number: int, doc: Document, results: Sequence[float | tuple[float, bool]]
) -> "Iterator[Instance]":
    from lm_eval.api.instance import Instance

    kind = "loglikelihood_rolling" if task.OUTPUT_TYPE == "loglikelihood_rolling" else "loglikelihood"
    for place, result in enumerate(results):
        instance = Instance(
            request_type=kind,
            doc=doc,
            arguments=(),
            idx=place,
            metadata=(task.config.task, number, task.config.repeats),
        )
        instance.resps = [result] * task.config.repeats
        yield instance


def as_json(value: Any) -> str:
    """A value as JSON text; numbers keep every digit, tuples and arrays become lists."""
    return json.dumps(value, default=_plain, separators=(",", ":"))


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
