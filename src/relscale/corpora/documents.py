"""Documents: the rows that every source of text is turned into."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from relscale.errors import RelscaleError
from relscale.tables import read_table

DOCUMENTS_FILE = "documents.parquet"


@dataclass(frozen=True, slots=True)
class Document:
    """A text and where it comes from.

    Attributes
    ----------
    id
        Unique within a source: ``numpy.linalg._linalg.svd``, ``numpy/linalg/_linalg.py``.
    part
        What kind of text of its source: ``docstrings``, ``code``, ``text``.
    group
        Its domain, such as ``numerics``.
    package, module
        Where it was found; all documents of a module share a split.
    name, signature, summary
        Of a docstring: the object's qualified name within the module (empty for the module itself), its call as one
        would type it, and the first sentence. Empty for other texts.
    """

    id: str
    part: str
    group: str
    package: str
    module: str
    name: str
    signature: str
    summary: str
    text: str


SCHEMA = pa.schema(
    [(field.name, pa.string()) for field in fields(Document)]
    + [("bytes", pa.int64()), ("split", pa.string())]
)


def documents_table(documents: Iterable[Document], splits: Iterable[str]) -> pa.Table:
    """Documents and their splits as a table sorted by id; ``bytes`` is the length of the text in UTF-8.

    An id that several documents share is kept by the first of them, in the order given; the others get ``#2``, ``#3``.
    """
    rows = list(documents)
    columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields(Document)}
    copies: Counter[str] = Counter()
    for position, name in enumerate(columns["id"]):
        copies[name] += 1
        if copies[name] > 1:
            columns["id"][position] = f"{name}#{copies[name]}"
    lengths = [len(row.text.encode()) for row in rows]
    return pa.table(columns | {"bytes": lengths, "split": list(splits)}, schema=SCHEMA).sort_by("id")


def read_documents(path: str | Path, part: str | None = None, split: str | None = None) -> pa.Table:
    """Read documents, all of them or those of a part and a split, sorted by id.

    Raises
    ------
    RelscaleError
        The file is no table of documents, or no document is of that part.
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
