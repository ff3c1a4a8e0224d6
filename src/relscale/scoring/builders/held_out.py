"""Selection, order and excerpts of held-out documents for a suite."""

import pyarrow as pa

from relscale.corpora.copies import trained_on
from relscale.corpora.documents import DocumentRow
from relscale.corpora.files import PART
from relscale.errors import RelscaleError
from relscale.provenance import digest
from relscale.storage import arrow_compute as pc
from relscale.storage.rows import names_of, rows_of

DOCSTRINGS = "docstrings"
COLUMNS = list(names_of(DocumentRow))


def held_out(documents: pa.Table, part: str, seed: int) -> list[DocumentRow]:
    """Documents of the test split in a seeded order that depends on each document's id alone.

    Adding or removing a document does not reorder the others, so that most items remain if the corpus changes. Text
    files have no docstrings: if all documents are text files, their text is used in place of the docstrings that
    shipped suites use.

    Raises
    ------
    RelscaleError
        There is no document of that part.
    """
    parts = sorted(set(documents["part"].to_pylist()))
    part = PART if parts == [PART] and part == DOCSTRINGS else part
    table = documents.filter((pc.field("split") == "test") & (pc.field("part") == part))
    if not table.num_rows:
        raise RelscaleError(
            f"no document of part {part!r} in the test split; the documents have the parts {', '.join(parts)}"
        )
    return sorted(rows_of(DocumentRow, table), key=lambda row: (digest([seed, row.id]), row.id))


def seen_in_training(documents: pa.Table) -> pa.Array:
    """Which documents of the test split have the text of a training document, which is one of another source."""
    is_test = pc.equal(documents["split"], "test").to_numpy()
    is_test[is_test] = trained_on(documents.filter(pa.array(is_test))["text"], documents)
    return pa.array(is_test)


def excerpt(text: str, limit: int) -> str:
    """The start of ``text`` in at most ``limit`` UTF-8 bytes, cut after a paragraph, a line or a word.

    The coarsest cut that keeps at least half of the limit is used.
    """
    if len(text.encode()) <= limit:
        return text
    head = text.encode()[:limit].decode(errors="ignore")
    for boundary in ("\n\n", "\n", " "):
        end = head.rfind(boundary)
        if len(head[: max(end, 0)].encode()) * 2 >= limit:
            return head[:end].rstrip()
    return head
