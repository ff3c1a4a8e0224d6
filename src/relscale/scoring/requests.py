"""What a suite asks a model, written down once: made by lm-eval's own tasks, read by every scoring job.

``requests.parquet`` in a prepared suite has a row group for each task, so that a job needs the memory of one task, and
neither lm-eval's tasks nor their few-shot templates again.
"""

import io
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import astuple, dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet

from relscale.atomic import atomic_path
from relscale.errors import RelscaleError
from relscale.provenance import digest
from relscale.scoring.encoding import move_spaces
from relscale.scoring.manifest import Manifest

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.task import ConfigurableTask

FILE = "requests.parquet"
FEWSHOT_SEED = 1234  # lm-eval's own
_TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("task", _TEXT, nullable=False),
        pa.field("prompt", _TEXT, nullable=False),
        pa.field("group", _TEXT, nullable=False),
        pa.field("subject", _TEXT),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("choice", pa.int32(), nullable=False),
        pa.field("target", pa.bool_(), nullable=False),
        pa.field("context", _TEXT),
        pa.field("continuation", pa.string(), nullable=False),
        pa.field("bytes_answer", pa.int32(), nullable=False),
        pa.field("bytes_scored", pa.int32(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Request:
    """One item to score, and what the item will say besides its log-probability.

    Attributes
    ----------
    task, prompt, group, subject
        The lm-eval task, and where the suite's manifest places its items.
    doc_id
        The document's own ``id`` where it has one, else a digest of it: the same for every model.
    choice, target
        Which choice this is, and whether it is a right one; 0 and True for a document.
    context, continuation
        The prompt and the string that is scored after it, with its delimiter. The context of a document is None, its
        continuation the whole text.
    bytes_answer, bytes_scored
        UTF-8 bytes of the answer without the delimiter before it, as lm-eval counts, and of the string that is scored.
        Both are those of the whole text for a document.
    """

    task: str
    prompt: str
    group: str
    subject: str | None
    doc_id: str
    choice: int
    target: bool
    context: str | None
    continuation: str
    bytes_answer: int
    bytes_scored: int


def build_requests(folder: str | Path, manifest: Manifest, suite: str) -> Iterator[list[Request]]:
    """The requests of a suite's tasks (``folder/tasks/*.yaml``), task by task, in the order of their documents.

    Raises
    ------
    RelscaleError
        lm-eval cannot make a task of what is in ``folder``, or the task generates text.
    """
    from lm_eval.tasks import TaskManager

    import relscale.scoring.local_data  # noqa: F401  (the tasks of prepared suites name it)

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    manager = TaskManager(include_defaults=False, include_path=str(Path(folder) / "tasks"))
    for name in manifest.tasks:
        try:
            with redirect_stderr(io.StringIO()):
                task = manager.load(name)["tasks"][name]
        except Exception as error:
            raise _not_made(name, suite, error) from error
        yield task_requests(name, task, manifest, suite)


def task_requests(name: str, task: "ConfigurableTask", manifest: Manifest, suite: str) -> list[Request]:
    """The requests of one lm-eval task, of as many documents as the suite's option ``limit`` says.

    Raises
    ------
    RelscaleError
        lm-eval cannot make its requests, or it generates text.
    """
    place = manifest.tasks[name]
    try:
        with redirect_stderr(io.StringIO()), compiled_once():  # a progress bar for each task
            task.set_fewshot_seed(FEWSHOT_SEED)
            task.build_all_requests(limit=manifest.options.get("limit"))
    except Exception as error:  # whatever a task file can make lm-eval, jinja or datasets raise
        raise _not_made(name, suite, error) from error
    with compiled_once():
        items = [item(task, instance) for instance in task.instances]
    return [
        Request(name, place.prompt, place.group, place.subject, **found)
        for found in items
        if found is not None
    ]


def write_requests(tasks: Iterable[list[Request]], folder: str | Path) -> None:
    """Write ``requests.parquet`` into ``folder``, a row group for each task."""
    # A context stands once for its choices, and its solved examples compress to next to nothing.
    with (
        atomic_path(Path(folder) / FILE) as partial,
        pyarrow.parquet.ParquetWriter(partial, SCHEMA, compression="zstd") as writer,
    ):
        for requests in tasks:
            columns = zip(*map(astuple, requests), strict=True) if requests else [()] * len(SCHEMA)
            arrays = [
                pa.array(column, pa.string()).dictionary_encode()
                if field.type == _TEXT
                else pa.array(column, field.type)
                for column, field in zip(columns, SCHEMA, strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=SCHEMA), row_group_size=max(1, len(requests)))


def read_requests(folder: str | Path) -> Iterator[list[Request]]:
    """The requests of a prepared suite, task by task.

    Raises
    ------
    RelscaleError
        The suite was not prepared.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        raise not_prepared(folder)
    with pyarrow.parquet.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            columns = [_texts(table[field.name]) for field in fields(Request)]
            yield [Request(*row) for row in zip(*columns, strict=True)]


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


def item(task: "ConfigurableTask", instance: "Instance") -> dict[str, Any] | None:
    """What an item says of its document; None for requests that are no choice (lm-eval's unconditional ones).

    Raises
    ------
    RelscaleError
        The task generates text.
    """
    if instance.request_type == "loglikelihood_rolling":
        context, continuation = None, instance.args[0]
        choice, target, answer = 0, True, continuation
    elif instance.request_type == "loglikelihood":
        context, continuation = instance.args[:2]
        choice, target, answer = instance.idx, True, continuation
        if task.OUTPUT_TYPE == "multiple_choice":
            choices = task.doc_to_choice(instance.doc)
            if choice >= len(choices):
                return None
            target = choice in _targets(task, instance.doc, choices)
            # Where contexts differ and the continuation is common, as in Winogrande, that is what is answered.
            answer = task.doc_to_target(instance.doc) if task.multiple_input else choices[choice]
    else:
        raise RelscaleError(
            f"task {task.config.task}: {instance.request_type} tasks generate text and are not scored"
        )
    return {
        "doc_id": document_id(instance.doc),
        "choice": choice,
        "target": target,
        "context": context,
        "continuation": continuation,
        "bytes_answer": len(answer.encode()),
        "bytes_scored": scored_bytes(context, continuation),
    }


@contextmanager
def compiled_once() -> Iterator[None]:
    """Let lm-eval compile each prompt template once, and not anew for every document: four fifths of its time."""
    from lm_eval.utils import env

    compile_template = env.from_string
    env.from_string = cache(compile_template)
    try:
        yield
    finally:
        env.from_string = compile_template


def document_id(doc: dict[str, Any]) -> str:
    """A document's own ``id``, else a digest of it."""
    return str(doc.get("id") or digest(doc))


def scored_bytes(context: str | None, continuation: str) -> int:
    """UTF-8 bytes of the string that is scored: spaces that end the context count with the continuation."""
    return len((continuation if context is None else move_spaces(context, continuation)[1]).encode())


def _targets(task: "ConfigurableTask", doc: dict[str, Any], choices: list[str]) -> list[int]:
    """Places of the right choices; a task may name them by number or by text, one or several."""
    gold = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
    several = gold if isinstance(gold, list) else [gold]
    return [choices.index(each) if isinstance(each, str) else each for each in several]


def not_prepared(folder: str | Path) -> RelscaleError:
    """What is wrong with a suite that has no requests."""
    return RelscaleError(
        f"{Path(folder) / FILE}: no such file; prepare the suite (relscale score CONFIG --prepare NAME)"
    )


def _not_made(name: str, suite: str, error: Exception) -> RelscaleError:
    reason = " ".join(str(error).split()) or type(error).__name__
    hint = f"; data that cannot be fetched may be given as data: {{{name}: path}}" if "Hub" in reason else ""
    return RelscaleError(f"suite {suite}: lm-eval cannot make the task {name!r} ({reason}){hint}")
