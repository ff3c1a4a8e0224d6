"""lm-eval's logs of samples (``--log_samples``) as items, so that existing results need not be computed again."""

import json
import math
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.measurements.inferred_task import Label, Question, delimiter, labels
from relscale.measurements.logged_metrics import Reported, agrees, metric_rows
from relscale.measurements.status import Status, of_items
from relscale.scoring.answer_bytes import answer_bytes
from relscale.scoring.declared_metrics import UNFILTERED
from relscale.scoring.items import Item, ItemStatus
from relscale.scoring.lm_eval_log import TaskLog, task_logs
from relscale.scoring.manifest import Manifest, Task
from relscale.scoring.requests import UNCONDITIONAL, cluster_of, document_id, request_digest, scored_bytes
from relscale.scoring.task_values import TaskValue
from relscale.storage.json_lines import read_json_lines
from relscale.storage.rows import fields_of, strict_table_of

MUTUAL_INFORMATION = "acc_mutual_info"
Place = tuple[str, str, str]  # suite, prompt, group


@dataclass(frozen=True)
class Samples:
    """The items of one model.

    Attributes
    ----------
    items
        `relscale.scoring.items.Item` rows. Logs contain neither ``tokens``, which are null, nor whether a context
        was cut.
    task_metrics
        lm-eval's own metrics, `relscale.scoring.task_values.TaskValue` rows; empty if not requested.
    flags
        Problems of a suite's prompt and group as a whole.
    """

    items: pa.Table
    task_metrics: pa.Table
    flags: Mapping[Place, tuple[str, ...]]


@dataclass(frozen=True)
class Sample:
    """One line of a log: a question, or a document if ``question.contexts`` is empty.

    Attributes
    ----------
    doc_id
        The id by `relscale.scoring.requests.document_id`.
    place
        lm-eval's number of the document, if logged, which identifies the line.
    question
        The question and its answers.
    greedy
        Whether greedy decoding gives each continuation.
    reported
        lm-eval's own metrics of the line.
    unconditional
        The same choices without their contexts, if the task's mutual information requires them.
    """

    doc_id: str
    place: str
    question: Question
    greedy: Sequence[bool]
    reported: Reported
    unconditional: "Sample | None" = None


def read_samples(
    folder: str | Path,
    suites: Mapping[str, Manifest],
    names: Sequence[str] = (),
    reported: Collection[str] = (),
) -> Samples:
    """Items of every ``samples_<task>_<time>.jsonl`` of one model whose task belongs to a suite.

    The newest of several files of a task is used.

    Parameters
    ----------
    folder
        lm-eval's output folder.
    suites
        Manifests of prepared suites, by name, which list their tasks.
    names
        Names of the model, which select it if the folder has several models.
    reported
        Suites whose lm-eval metrics are read; those of tasks with custom rules always are.

    Raises
    ------
    RelscaleError
        There is no such file, there are files of several models, or one is damaged; the message names the line.
    """
    logs = task_logs(folder, names)
    rows: list[Item] = []
    metrics: list[TaskValue] = []
    flags: dict[Place, tuple[str, ...]] = {}
    assumed = []
    for suite, manifest in suites.items():
        placed = [name for name in manifest.tasks if name in logs]
        if len(placed) < len(manifest.tasks):
            print(
                f"{folder}: samples of {len(placed)} of the {len(manifest.tasks)} tasks of suite {suite}",
                file=sys.stderr,
            )
        for name in placed:
            log, task = logs.pop(name), manifest.tasks[name]
            all_samples = list(_samples(log.path))
            samples = [
                sample for sample in all_samples if sample.reported.filter == all_samples[0].reported.filter
            ]
            read = _read(samples, log)
            rows += _items(samples, read, suite, name, task, manifest.cluster)
            if suite in reported or _has_custom_rules(log):
                values = [sample.reported for sample in all_samples]
                targets = _targets_agree(samples, read, log)
                metrics += metric_rows(values, log.settings, suite, name, task, targets)
            place = suite, task.prompt, task.group
            flags[place] = (*flags.get(place, ()), *_flags(samples, log, manifest.windows(task.prompt)))
            assumed += [] if read.known else [name]
            if not samples:
                print(f"{log.path}: no samples in it", file=sys.stderr)
            if (log.documents or 0) < (log.documents_of_task or 0):
                print(
                    f"{log.path}: {log.documents} of the task's {log.documents_of_task} documents were scored",
                    file=sys.stderr,
                )
    if logs:
        print(f"{folder}: tasks without a suite, excluded: {', '.join(sorted(logs))}", file=sys.stderr)
    if assumed:
        print(
            f"{folder}: neither results_*.json nor the documents show the delimiter before the answers of "
            f"{', '.join(assumed)}; a single space is assumed",
            file=sys.stderr,
        )
    return Samples(
        strict_table_of(Item, rows),
        strict_table_of(TaskValue, metrics),
        {place: statuses for place, statuses in flags.items() if statuses},
    )


def _has_custom_rules(log: TaskLog) -> bool:
    return bool(log.settings.get("process_results"))


def _targets_agree(samples: Sequence[Sample], read: "Read", log: TaskLog) -> bool:
    """Whether a task and its items agree on the right choices, as under lm-eval's default rules."""
    if not log.settings:  # a logged accuracy of 0 or 1 is compared with each label
        usual = all(sample.question.accuracy is not None for sample in samples)
    else:
        usual = not _has_custom_rules(log)
    if usual or any(len(sample.question.contexts) < 2 for sample in samples):
        return True
    return agrees(
        [sample.question for sample in samples], read.labels, [sample.reported for sample in samples]
    )


def _flags(samples: Sequence[Sample], log: TaskLog, windows: Mapping[str, Any]) -> Iterator[str]:
    """Flags where a task's items differ from the suite's."""
    if any(not sample.question.contexts for sample in samples) and any(windows.values()):
        shown_windows = ", ".join(f"{name} {value}" for name, value in windows.items())
        yield f"{Status.OTHER_WINDOWS}: lm-eval scores whole documents, but the suite has {shown_windows}"
    if log.documents is not None and len(samples) < log.documents:
        yield of_items(Status.INCOMPLETE, len(samples), log.documents)


def _samples(path: Path) -> Iterator[Sample]:
    """The samples of a file; a task with several filters has one line per document and filter."""
    for number, line in read_json_lines(path):
        try:
            yield _sample(line)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            reason = shorten(str(error), 100, placeholder=" …") or type(error).__name__
            raise RelscaleError(f"{path}, line {number}: not a sample of scored text ({reason})") from error


def _sample(line: Mapping[str, Any]) -> Sample:
    requests = [_arguments(arguments) for arguments in _values(line["arguments"])]
    responses = [response[0] for response in line["resps"]]
    if not requests or len(responses) != len(requests):
        raise ValueError(f"{len(responses)} responses to {len(requests)} requests")
    doc_id = document_id(line["doc"])
    place = str(line.get("doc_id", doc_id))
    names = [name for name in line.get("metrics", ()) if name in line]
    reported = Reported(doc_id, str(line.get("filter", UNFILTERED)), {name: line[name] for name in names})
    if len(requests[0]) == 1:  # a whole document
        ((text,),) = requests
        question = Question(line["doc"], None, (), (text,), (_number(responses[0]),), None)
        return Sample(doc_id, place, question, (), reported)
    half = len(requests) // 2 if _asks_unconditionally(line, requests) else len(requests)

    def sample(rows: slice, accuracy: Any, unconditional: Sample | None = None) -> Sample:
        contexts, continuations = zip(*requests[rows], strict=True)
        logprobs, greedy = zip(*responses[rows], strict=True)
        numbers = [_number(logprob) for logprob in logprobs]
        known = float(accuracy) if accuracy in (0, 1) else None
        question = Question(line["doc"], line["target"], contexts, continuations, numbers, known)
        return Sample(
            doc_id, place, question, [str(value) == "True" for value in greedy], reported, unconditional
        )

    unconditional = sample(slice(half, None), None) if half < len(requests) else None
    return sample(slice(half), line.get("acc"), unconditional)


def _asks_unconditionally(line: Mapping[str, Any], requests: Sequence[Sequence[str]]) -> bool:
    """Whether the choices were also scored without their context, for mutual information."""
    half = len(requests) // 2
    if len(requests) != 2 * half or any(context for context, _ in requests[half:]):
        return False
    return MUTUAL_INFORMATION in line or any(context for context, _ in requests[:half])


@dataclass(frozen=True)
class Read:
    """A task's log: the delimiter before its answers, whether that is known, and each question's label."""

    delimiter: str
    known: bool
    labels: Sequence[Label]


def _read(samples: Sequence[Sample], log: TaskLog) -> Read:
    questions = [sample.question for sample in samples if sample.question.contexts]
    if not questions:
        return Read("", True, ())
    before, known = delimiter(questions, log.settings, log.chat_template)
    choices = [[text.removeprefix(before) for text in question.continuations] for question in questions]
    return Read(before, known, labels(questions, choices, log.settings))


def _items(
    samples: Sequence[Sample], read: Read, suite: str, name: str, task: Task, cluster: str | None
) -> Iterator[Item]:
    """Rows of the items of one task."""
    labelled = iter(read.labels)
    positions: set[str] = set()
    for sample in samples:
        labels, status = next(labelled) if sample.question.contexts else ([0], ItemStatus.OK)
        if sample.place in positions:
            status = ItemStatus.REPEATED
        positions.add(sample.place)
        for scored_sample, prompt in ((sample, task.prompt), (sample.unconditional, UNCONDITIONAL)):
            for choice in _choices(scored_sample, read.delimiter, labels, status) if scored_sample else ():
                yield Item(
                    suite=suite,
                    task=name,
                    prompt=prompt,
                    group=task.group,
                    subject=task.subject,
                    doc_id=sample.doc_id,
                    cluster=cluster_of(sample.question.doc, task, cluster),
                    **fields_of(choice),
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """The columns of an item that describe its choice."""

    choice: int
    target: bool
    logprob: float
    bytes_answer: int
    bytes_scored: int
    greedy: bool | None
    request_digest: int
    status: ItemStatus


def _choices(sample: Sample, before: str, positions: Sequence[int], status: ItemStatus) -> Iterator[_Choice]:
    question = sample.question
    is_document = not question.contexts
    for choice, (context, continuation, logprob) in enumerate(
        zip(question.contexts or (None,), question.continuations, question.logprobs, strict=True)
    ):
        scored = scored_bytes(context, continuation)
        status_of_choice = ItemStatus.TOO_SHORT if is_document and scored == 0 else status
        yield _Choice(
            choice=choice,
            target=choice in positions,
            logprob=logprob,
            bytes_answer=answer_bytes(continuation, "" if is_document else before),
            bytes_scored=scored,
            greedy=None if is_document else sample.greedy[choice],
            request_digest=request_digest(context, continuation),
            status=status_of_choice if math.isfinite(logprob) and logprob <= 0 else ItemStatus.NO_NUMBER,
        )


def _number(value: Any) -> float:
    if isinstance(value, bool) or value is None:
        raise ValueError(f"{json.dumps(value)} is not a log-probability")
    return float(value)


def _values(arguments: Any) -> list[Any]:
    """Requests in order; newer files store them as ``gen_args_0``, ``gen_args_1`` …"""
    return list(arguments.values()) if isinstance(arguments, dict) else list(arguments)


def _arguments(request: Any) -> list[str]:
    values = _values(request)
    if any(not isinstance(text, str) for text in values):
        raise ValueError("its task generates text")
    return values
