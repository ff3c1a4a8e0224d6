"""Documents: the common table format of all sources of text."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from relscale.errors import RelscaleError
from relscale.lookalikes import check_lookalikes
from relscale.storage import arrow_compute as pc
from relscale.storage.rows import column, names_of, schema_of
from relscale.storage.tables import read_table

DOCUMENTS_FILE = "documents.parquet"


@dataclass(frozen=True, slots=True)
class Document:
    """A text and its origin."""

    id: str = column("Unique within a source: numpy.linalg._linalg.svd, numpy/linalg/_linalg.py.")
    part: str = column("Kind of text: docstrings, code or text.")
    group: str = column("Domain, such as numerics.")
    package: str = column("Package or file that contains it.")
    module: str = column("Module that contains it; all documents of a module are in the same split.")
    name: str = column(
        "For a docstring: the qualified name of the object within the module; empty for the module itself."
    )
    signature: str = column("For a docstring: the call of the object.")
    summary: str = column("For a docstring: its first sentence.")
    text: str = column("The text.")


@dataclass(frozen=True, slots=True)
class DocumentRow(Document):
    """One row per document of a source of text."""

    bytes: int = column("Length of the text in UTF-8.", "bytes")
    split: str = column("train, validation or test.")


SCHEMA = schema_of(DocumentRow)


def documents_table(documents: Iterable[Document], splits: Iterable[str]) -> pa.Table:
    """Documents and their splits as a table sorted by id; ``bytes`` is the length of the text in UTF-8.

    If several documents have the same id, ``#2``, ``#3`` … is appended to those after the first.

    Raises
    ------
    RelscaleError
        The names of two groups look alike.
    """
    rows = list(documents)
    columns = {name: [getattr(row, name) for row in rows] for name in names_of(Document)}
    check_lookalikes(columns["group"], "groups of the documents")
    copies: Counter[str] = Counter()
    for position, name in enumerate(columns["id"]):
        copies[name] += 1
        if copies[name] > 1:
            columns["id"][position] = f"{name}#{copies[name]}"
    lengths = [len(row.text.encode()) for row in rows]
    return pa.table(columns | {"bytes": lengths, "split": list(splits)}, schema=SCHEMA).sort_by("id")


def read_documents(path: str | Path, part: str | None = None, split: str | None = None) -> pa.Table:
    """Read the documents of a table, optionally those of one part and one split, sorted by id.

    Raises
    ------
    RelscaleError
        The file is not a table of documents, or has no document of that part.
    """
    table = read_table(path, SCHEMA.names)
    if part is not None:
        parts = sorted(table["part"].unique().to_pylist())
        table = table.filter(pc.equal(table["part"], part))
        if not table.num_rows:
            raise RelscaleError(
                f"{path}: no documents of part {part!r}; its parts: {', '.join(parts) or 'none'}"
            )
    if split is not None:
        table = table.filter(pc.equal(table["split"], split))
    return table
