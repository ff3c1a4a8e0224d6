"""A prepared suite as requests to a model, made by lm-eval's own tasks."""

import io
import logging
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks import TaskManager

import relscale.scoring.local_data  # noqa: F401  (the tasks of prepared suites name it)
from relscale.errors import RelscaleError
from relscale.provenance import digest
from relscale.scoring.encoding import move_spaces
from relscale.scoring.manifest import read_manifest

FEWSHOT_SEED = 1234  # lm-eval's own


@dataclass(frozen=True)
class Request:
    """One item to score: lm-eval's request, and what the item will say besides its log-probability.

    Attributes
    ----------
    doc_id
        The document's own ``id`` where it has one, else a digest of it: the same for every model.
    choice, target
        Which choice this is, and whether it is a right one; 0 and True for a document.
    bytes_answer, bytes_scored
        UTF-8 bytes of the answer without the delimiter before it, as lm-eval counts, and of the string that is scored.
        Both are those of the whole text for a document.
    """

    instance: Instance
    task: str
    prompt: str
    group: str
    subject: str | None
    doc_id: str
    choice: int
    target: bool
    bytes_answer: int
    bytes_scored: int


def suite_requests(folder: str | Path) -> list[Request]:
    """All requests of a prepared suite, in the order of its tasks and their documents.

    Raises
    ------
    RelscaleError
        lm-eval cannot make a task of what is in ``folder``, or the task generates text.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    manager = TaskManager(include_defaults=False, include_path=str(folder / "tasks"))
    requests: list[Request] = []
    for name, place in manifest.tasks.items():
        try:
            with redirect_stderr(io.StringIO()):  # a progress bar for each task
                task = manager.load(name)["tasks"][name]
                task.set_fewshot_seed(FEWSHOT_SEED)
                task.build_all_requests()
        except Exception as error:  # whatever a task file can make lm-eval, jinja or datasets raise
            reason = " ".join(str(error).split()) or type(error).__name__
            raise RelscaleError(f"{folder}: lm-eval cannot make the task {name!r} ({reason})") from error
        for instance in task.instances:
            item = _item(task, instance)
            if item is not None:
                requests.append(Request(instance, name, place.prompt, place.group, place.subject, **item))
    return requests


def _item(task: ConfigurableTask, instance: Instance) -> dict[str, Any] | None:
    """What an item says of its document; None for requests that are no choice (lm-eval's unconditional ones)."""
    if instance.request_type == "loglikelihood_rolling":
        size = len(instance.args[0].encode())
        choice, target, answer, scored = 0, True, size, size
    elif instance.request_type == "loglikelihood":
        context, continuation = instance.args[:2]
        scored = len(move_spaces(context, continuation)[1].encode())
        choice, target, answer = instance.idx, True, len(continuation.encode())
        if task.OUTPUT_TYPE == "multiple_choice":
            choices = task.doc_to_choice(instance.doc)
            if choice >= len(choices):
                return None
            target = choice in _targets(task, instance.doc, choices)
            # Where contexts differ and the continuation is common, as in Winogrande, that is what is answered.
            text = task.doc_to_target(instance.doc) if task.multiple_input else choices[choice]
            answer = len(text.encode())
    else:
        raise RelscaleError(
            f"task {task.config.task}: {instance.request_type} tasks generate text and are not scored"
        )
    doc_id = str(instance.doc.get("id") or digest(instance.doc))
    return {
        "doc_id": doc_id,
        "choice": choice,
        "target": target,
        "bytes_answer": answer,
        "bytes_scored": scored,
    }


def _targets(task: ConfigurableTask, doc: dict[str, Any], choices: list[str]) -> list[int]:
    """Places of the right choices; a task may name them by number or by text, one or several."""
    gold = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
    several = gold if isinstance(gold, list) else [gold]
    return [choices.index(each) if isinstance(each, str) else each for each in several]
