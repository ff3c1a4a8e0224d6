"""Requests of a suite: built once by lm-eval's tasks, read by every scoring job.

``requests.parquet`` in a prepared suite has a row group per task, so that a job needs the memory of one task only, and
loads neither lm-eval's tasks nor their few-shot templates.
"""

import hashlib
import io
import logging
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.provenance import digest
from relscale.scoring.answer_bytes import answer_bytes
from relscale.scoring.encoding import move_spaces
from relscale.scoring.items import ItemStatus
from relscale.scoring.kept_documents import documents_reported, write_documents
from relscale.scoring.labels import also_texts, check_counted_from_zero, right_choices
from relscale.scoring.manifest import Manifest, Task
from relscale.scoring.solved_examples import SolvedExamples
from relscale.storage.atomic import atomic_path
from relscale.storage.checked_parquet import open_parquet, parquet_writer
from relscale.storage.rows import column, strict_schema_of, strict_table_of

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.task import ConfigurableTask

FILE = "requests.parquet"
LONGEST_REASON = 220  # characters of a library's message
RANDOM_SEED, FEWSHOT_SEED = 0, 1234  # lm-eval's defaults; the second is also that of numpy
# Prompt form of answers that are also scored without their question, for mutual information.
UNCONDITIONAL = "unconditional"
_TEXT = pa.dictionary(pa.int32(), pa.string())
SHORT = pa.int32()


@dataclass(frozen=True, slots=True)
class Request:
    """One row per item to score, with all columns of the item except its scores."""

    task: str = column("The lm-eval task.", type=_TEXT)
    prompt: str = column("Prompt form, by the suite's manifest.", type=_TEXT)
    group: str = column("Group, by the suite's manifest.", type=_TEXT)
    subject: str | None = column("Subject within the group.", type=_TEXT)
    doc_id: str = column("Id of the document, else a digest of it; the same for every model.")
    choice: int = column("Index of the choice, from 0; 0 for a document.", type=SHORT)
    target: bool = column("Whether the choice is correct; true for a document.")
    context: str | None = column("The prompt; null for a document.", type=_TEXT)
    continuation: str = column(
        "The string scored after the prompt, with its delimiter; for a document, its text."
    )
    bytes_answer: int = column(
        "Length of the answer in UTF-8, without the delimiter before it, as lm-eval counts.",
        "bytes",
        type=SHORT,
    )
    bytes_scored: int = column("Length of the scored string in UTF-8.", "bytes", type=SHORT)
    request_digest: int = column("Digest of context and continuation, equal for equal requests.")
    status: ItemStatus = column("ok, or the problem with the question's label.", type=_TEXT)
    cluster: str | None = column(
        "Cluster of the document, by the suite's manifest; null if it is independent.",
        type=_TEXT,
        default=None,
    )


SCHEMA = strict_schema_of(Request)


def build_requests(
    folder: str | Path, manifest: Manifest, suite: str, reported: bool = False
) -> Iterator[list[Request]]:
    """The requests of a suite's tasks (``folder/tasks/*.yaml``), task by task, in the order of their documents.

    The documents of tasks whose own metrics are reported are kept in ``folder``: of every task if
    ``reported``, else of tasks with custom rules.

    Raises
    ------
    RelscaleError
        lm-eval cannot load a task of ``folder``, or the task generates text.
    """
    from relscale.scoring.lm_eval_tasks import TaskManager

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    manager = TaskManager(include_defaults=False, include_path=str(Path(folder) / "tasks"))
    for number, name in enumerate(manifest.tasks):
        # lm-eval's seeds, for tasks that shuffle their documents; reset per task, so that no task depends on another.
        random.seed(RANDOM_SEED)
        np.random.seed(FEWSHOT_SEED)
        try:
            with redirect_stderr(io.StringIO()):
                task = manager.load(name)["tasks"][name]
        except Exception as error:
            raise _preparation_error(name, suite, error) from error
        requests = task_requests(name, task, manifest, suite)
        if documents_reported(task, reported, manifest.windows(manifest.tasks[name].prompt)):
            source = Path(str(manager.task_index[name].yaml_path))
            try:
                write_documents(task, number, source, Path(folder))
            except (ValueError, TypeError, pa.ArrowException) as error:
                raise _preparation_error(name, suite, error) from error
        yield requests


def task_requests(name: str, task: "ConfigurableTask", manifest: Manifest, suite: str) -> list[Request]:
    """The requests of one lm-eval task, for at most ``limit`` documents (an option of the suite).

    Raises
    ------
    RelscaleError
        lm-eval cannot build its requests, it generates text, or has no documents.
    """
    place = manifest.tasks[name]
    examples = SolvedExamples(task)
    try:
        with redirect_stderr(io.StringIO()), compiled_once():  # a progress bar for each task
            task.set_fewshot_seed(FEWSHOT_SEED)
            task.build_all_requests(limit=manifest.options.limit)
            requests = [
                request_of(name, place, task, instance, manifest.cluster) for instance in task.instances
            ]
            ambiguous = _labels_are_ambiguous(name, task, suite)
    except RelscaleError:
        raise
    except Exception as error:  # any exception of lm-eval, jinja or datasets
        raise _preparation_error(name, suite, error) from error
    if not requests:
        raise RelscaleError(
            f"suite {suite}: the task {name!r} has no documents; check its data, or remove it"
        )
    if ambiguous:
        print(
            f"suite {suite}: each label of the task {name!r} is read as a position, as by lm-eval, and is the text of "
            "a choice as well; if the text is meant, name the column alone, as in doc_to_target: answer",
            file=sys.stderr,
        )
    for line in _document_problems(requests, has_rules=callable(task.config.process_results)):
        print(f"suite {suite}: {line}", file=sys.stderr)
    if examples.kept:
        print(
            f"suite {suite}: {examples.kept} documents of the task {name!r} are among their own few-shot "
            "examples, because the data set has no others; they are scored as in lm-eval",
            file=sys.stderr,
        )
    if examples.replaced:
        print(
            f"suite {suite}: {examples.replaced} documents of the task {name!r} were among their own "
            "few-shot examples; these were replaced",
            file=sys.stderr,
        )
    return requests


def _labels_are_ambiguous(name: str, task: "ConfigurableTask", suite: str) -> bool:
    """Whether the labels of a task may be positions or texts; labels that count from 1 are refused."""
    if task.OUTPUT_TYPE != "multiple_choice" or callable(task.config.process_results):
        return False
    documents = {instance.doc_id: instance.doc for instance in task.instances}.values()
    label = task.doc_to_text if task.multiple_input else task.doc_to_target
    labels, choices = [label(doc) for doc in documents], [task.doc_to_choice(doc) for doc in documents]
    check_counted_from_zero(labels, choices, f"suite {suite}: task {name!r}")
    return also_texts(labels, choices)


def _document_problems(requests: Sequence[Request], has_rules: bool) -> Iterator[str]:
    """Problems of a task's documents, one sentence each; a task with custom rules may need no labels."""
    documents = [
        request for request in requests if request.choice == 0 and request.prompt == requests[0].prompt
    ]
    for status, explanation in (
        (ItemStatus.UNLABELLED, "have no label; metrics that need one exclude them"),
        (
            ItemStatus.OUTSIDE,
            "have a label outside their choices; metrics that need one exclude them",
        ),
    ):
        count = sum(request.status == status for request in documents)
        if count and not has_rules:
            yield f"{count} of {len(documents)} documents of the task {requests[0].task!r} {explanation}"
    again = len(documents) - len({request.doc_id for request in documents})
    if again:
        yield (
            f"{again} of {len(documents)} documents of the task {requests[0].task!r} are duplicates of "
            "another, or have its id; every copy is counted"
        )


def write_requests(tasks: Iterable[list[Request]], folder: str | Path) -> None:
    """Write ``requests.parquet`` into ``folder``, one row group per task."""
    # A context is stored once for its choices, and its solved examples compress well.
    with (
        atomic_path(Path(folder) / FILE) as partial,
        parquet_writer(partial, SCHEMA) as writer,
    ):
        for requests in tasks:
            writer.write_table(strict_table_of(Request, requests), row_group_size=len(requests))


def read_requests(folder: str | Path, tasks: Iterable[int] | None = None) -> Iterator[list[Request]]:
    """The requests of a prepared suite, task by task: of all tasks, or of those with these numbers.

    Raises
    ------
    RelscaleError
        The suite was not prepared, or its requests are damaged.
    """
    with _opened(folder) as file:
        for group in range(file.num_row_groups) if tasks is None else tasks:
            table = file.read_row_group(group)
            columns = [_texts(table[name]) for name in SCHEMA.names]
            status = SCHEMA.get_field_index("status")
            columns[status] = [ItemStatus(value) for value in columns[status]]
            yield [Request(*cells) for cells in zip(*columns, strict=True)]


def request_counts(folder: str | Path) -> dict[int, int]:
    """The number of requests of each task of a prepared suite, by the task's number; tasks without requests are
    omitted.

    Raises
    ------
    RelscaleError
        The suite was not prepared, or its requests are damaged.
    """
    with _opened(folder) as file:
        counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    return {number: rows for number, rows in enumerate(counts) if rows}


@contextmanager
def _opened(folder: str | Path) -> "Iterator[pa.parquet.ParquetFile]":
    """The requests of a prepared suite, to be read a row group at a time."""
    path = Path(folder) / FILE
    if not path.is_file():
        raise not_prepared(folder)
    with open_parquet(path) as file:
        yield file


def _texts(column: pa.ChunkedArray) -> list[Any]:
    """Values of a column; equal texts of a dictionary are one object."""
    values: list[Any] = []
    for chunk in column.chunks:
        if isinstance(chunk, pa.DictionaryArray):
            known = [*chunk.dictionary.to_pylist(), None]
            values += [known[-1 if code is None else code] for code in chunk.indices.to_pylist()]
        else:
            values += chunk.to_pylist()
    return values


def request_of(
    name: str, place: Task, task: "ConfigurableTask", instance: "Instance", cluster: str | None = None
) -> Request:
    """The request of one instance of a task, with the item's group, prompt and subject in the suite.

    ``cluster`` is the field of a document that names its cluster.

    Raises
    ------
    RelscaleError
        The task generates text.
    """
    alone = False
    if instance.request_type == "loglikelihood_rolling":
        context, continuation = None, instance.args[0]
        choice, target, status, delimiter = 0, True, ItemStatus.OK, ""
    elif instance.request_type == "loglikelihood":
        context, continuation = instance.args[:2]
        choice, target, status, delimiter = instance.idx, True, ItemStatus.OK, ""
        if task.OUTPUT_TYPE == "multiple_choice":
            choices = task.doc_to_choice(instance.doc)
            alone = choice >= len(choices)
            choice %= len(choices)
            # If contexts differ and the continuation is common, as in Winogrande, the text is the label.
            label = task.doc_to_text if task.multiple_input else task.doc_to_target
            correct, status = right_choices(label(instance.doc), choices)
            target, delimiter = choice in correct, task.config.target_delimiter
    else:
        raise RelscaleError(
            f"task {task.config.task}: {instance.request_type} tasks generate text and are not scored"
        )
    return Request(
        task=name,
        prompt=UNCONDITIONAL if alone else place.prompt,  # the answer alone, for mutual information
        group=place.group,
        subject=place.subject,
        doc_id=document_id(instance.doc),
        choice=choice,
        target=target,
        context=context,
        continuation=continuation,
        bytes_answer=answer_bytes(continuation, delimiter),
        bytes_scored=scored_bytes(context, continuation),
        request_digest=request_digest(context, continuation),
        status=status,
        cluster=cluster_of(instance.doc, place, cluster),
    )


@contextmanager
def compiled_once() -> Iterator[None]:
    """Make lm-eval compile each prompt template once instead of once per document, which takes 80% of its time."""
    from lm_eval.utils import env

    compile_template = env.from_string
    env.from_string = cache(compile_template)
    try:
        yield
    finally:
        env.from_string = compile_template


def document_id(doc: Mapping[str, object]) -> str:
    """A document's own ``id``, else a digest of it."""
    return str(doc.get("id") or digest(doc))


def cluster_of(doc: Mapping[str, object], place: Task, field: str | None) -> str | None:
    """The cluster of a document: its own ``field``, or the subject of its task if the suite names one."""
    if field is None:
        return None
    shared = doc.get(field)
    if shared is None or shared == "":
        shared = place.subject if field == "subject" and not place.subject_is_group else None
    return None if shared is None else str(shared)


def scored_bytes(context: str | None, continuation: str) -> int:
    """UTF-8 bytes of the string that is scored: spaces that end the context count with the continuation."""
    return len((continuation if context is None else move_spaces(context, continuation)[1]).encode())


def request_digest(context: str | None, continuation: str) -> int:
    """A digest of context and continuation, as a signed 64-bit integer."""
    text = continuation if context is None else f"{context}\0{continuation}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def not_prepared(folder: str | Path) -> RelscaleError:
    """The error for a suite without requests."""
    return RelscaleError(
        f"{Path(folder) / FILE}: no such file; prepare the suite (relscale suite CONFIG --suite NAME)"
    )


def _preparation_error(name: str, suite: str, error: Exception) -> RelscaleError:
    reason = _reason(error)
    reason = reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]} …"
    if (
        isinstance(error, IndexError) and "list" in reason
    ):  # lm-eval reads the first document when it loads a task
        reason += "; is the label of its first document outside the choices?"
    elif isinstance(error, IndexError) and "string" in reason:
        reason += "; is a choice of its first document empty?"
    elif isinstance(error, TypeError) and "object is not subscriptable" in reason:  # of a bool, int or float
        reason += "; if its choices are numbers or booleans, make them text, as in {{[a|string, b|string]}}"
    hint = (
        f"; data that cannot be downloaded can be given as data: {{{name}: path}}" if "Hub" in reason else ""
    )
    return RelscaleError(f"suite {suite}: lm-eval cannot make the task {name!r} ({reason}){hint}")


def _reason(error: Exception) -> str:
    """A library's message in one line; ``datasets`` names the file's problem in the cause of its error."""
    cause = error.__cause__ if type(error).__name__ == "DatasetGenerationError" else None
    if isinstance(error, KeyError) and not str(error.args[0]).startswith(
        "Spec "
    ):  # lm-eval's of a task's name
        return f"its documents, or its code, have no {error}"
    return " ".join(str(cause or error).split()) or type(error).__name__
