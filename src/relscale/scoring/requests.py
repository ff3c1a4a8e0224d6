"""Requests of a suite: built once by lm-eval's tasks, read by every scoring job.

``requests.parquet`` in a prepared suite has a row group per task, so that a job needs the memory of one task only, and
loads neither lm-eval's tasks nor their few-shot templates.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.provenance import digest
from relscale.scoring.encoding import move_spaces
from relscale.scoring.items import SHORT, ItemStatus
from relscale.scoring.manifest import Task
from relscale.storage.atomic import atomic_path
from relscale.storage.checked_parquet import open_parquet, parquet_writer
from relscale.storage.rows import column, strict_schema_of, strict_table_of

FILE = "requests.parquet"
# Prompt form of answers that are also scored without their question, for mutual information.
UNCONDITIONAL = "unconditional"
_TEXT = pa.dictionary(pa.int32(), pa.string())


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
