"""Held-out documents for a suite: which, in what order, and how much of each."""

import pyarrow as pa
import pyarrow.compute as pc

from relscale.corpora.documents import DocumentRow
from relscale.errors import RelscaleError
from relscale.provenance import digest
from relscale.rows import names_of, rows_of

COLUMNS = list(names_of(DocumentRow))


def held_out(documents: pa.Table, part: str, seed: int) -> list[DocumentRow]:
    """Documents of the test split in a seeded order that depends on each document's id alone.

    A document that is added or taken away moves no other, so most items survive a change of the corpus.

    Raises
    ------
    RelscaleError
        There is none of that part.
    """
    table = documents.filter((pc.field("split") == "test") & (pc.field("part") == part))
    if not table.num_rows:
        parts = ", ".join(sorted(set(documents["part"].to_pylist())))
        raise RelscaleError(
            f"no document of part {part!r} in the test split; the documents have the parts {parts}"
        )
    return sorted(rows_of(DocumentRow, table), key=lambda row: (digest([seed, row.id]), row.id))


def excerpt(text: str, limit: int) -> str:
    """The start of ``text`` in at most ``limit`` UTF-8 bytes, cut after a paragraph, a line or a word.

    A coarser cut is taken where it keeps at least half of the limit.
    """
    if len(text.encode()) <= limit:
        return text
    head = text.encode()[:limit].decode(errors="ignore")
    for boundary in ("\n\n", "\n", " "):
        end = head.rfind(boundary)
        if len(head[: max(end, 0)].encode()) * 2 >= limit:
            return head[:end].rstrip()
    return head
