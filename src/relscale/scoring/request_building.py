"""Requests of a suite, built by lm-eval's tasks."""

import io
import logging
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.scoring.answer_bytes import answer_bytes
from relscale.scoring.items import ItemStatus
from relscale.scoring.kept_documents import documents_reported, write_documents
from relscale.scoring.labels import also_texts, check_counted_from_zero, right_choices
from relscale.scoring.manifest import Manifest, Task
from relscale.scoring.requests import (
    UNCONDITIONAL,
    Request,
    cluster_of,
    document_id,
    request_digest,
    scored_bytes,
)
from relscale.scoring.solved_examples import SolvedExamples

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.task import ConfigurableTask


LONGEST_REASON = 220  # characters of a library's message

RANDOM_SEED, FEWSHOT_SEED = 0, 1234  # lm-eval's defaults; the second is also that of numpy


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
    from relscale.scoring.lm_eval_tasks import compiled_once

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
