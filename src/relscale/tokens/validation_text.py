"""The validation text of a corpus of several parts, interleaved by their shares.

Without documents whose text another part has for training: the loss on them would be too low.
"""

import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa

from relscale.corpora.copies import trained_on
from relscale.corpora.documents import read_documents
from relscale.storage import arrow_compute as pc
from relscale.storage.tables import read_table
from relscale.tokens.interleave import interleave
from relscale.tokens.store import Joined, Tokens, joined

MOST_TOKENS = 1 << 24  # maximum number used
PIECE = 1024  # tokens of a part at a time: about a web page
SPLIT = "validation"


def validation_texts(
    shards: Sequence[Sequence[str]], tables: Sequence[Path | None], dtype: str
) -> list[Joined]:
    """The validation tokens of each part.

    Parameters
    ----------
    shards
        Per part, the folders of its tokens.
    tables
        Per part, its table of documents; None if it is streamed.
    dtype
        NumPy dtype of the tokens.
    """
    excluded = _trained_on_elsewhere(sorted({table for table in tables if table is not None}))
    texts = []
    for folders, table in zip(shards, tables, strict=True):
        text = joined(folders, SPLIT, dtype)
        if table is not None and table in excluded:
            text = _without(text, folders, table, excluded[table])
        texts.append(text)
    return texts


def _trained_on_elsewhere(tables: Sequence[Path]) -> dict[Path, pa.Array]:
    """The ids of the validation documents whose text another table has for training, by table."""
    if len(tables) < 2:
        return {}
    held_out = [read_documents(table, split=SPLIT).select(["id", "text"]) for table in tables]
    owner = np.repeat(np.arange(len(tables)), [documents.num_rows for documents in held_out])
    documents = pa.concat_tables(held_out)
    seen = np.zeros(len(owner), bool)
    for number, table in enumerate(tables):
        seen |= trained_on(documents["text"], read_documents(table, split="train")) & (owner != number)
    return {
        tables[number]: documents["id"].filter(pa.array(seen & (owner == number))).combine_chunks()
        for number in np.unique(owner[seen])
    }


def _without(text: Joined, shards: Sequence[str], documents: Path, ids: pa.Array) -> Joined:
    """The text of a part without that of some of its documents."""
    (folder,) = shards
    index = read_table(Path(folder) / "documents.parquet")
    stored = index.filter(pc.equal(index["split"], SPLIT))
    excluded = pc.is_in(stored["id"], value_set=ids).to_numpy()
    if not excluded.any():
        return text
    print(
        f"{documents}: {excluded.sum()} of {len(excluded)} validation documents are excluded, because another part "
        "of the mixture has the same text for training",
        file=sys.stderr,
    )
    offsets, lengths = (stored[name].to_numpy() for name in ("offset", "tokens"))
    kept: list[Tokens] = []
    for is_excluded, run in groupby(range(len(excluded)), key=lambda number: bool(excluded[number])):
        if not is_excluded:
            numbers = list(run)
            first, last = numbers[0], numbers[-1]
            kept.append(text.read(int(offsets[first]), int(offsets[last] + lengths[last])))
    return Joined(tuple(kept) or (text.read(0, 0),))


def write_interleaved(texts: Sequence[Joined], shares: tuple[int, ...], path: Path) -> list[int]:
    """Write texts, interleaved by integer shares; an exhausted text is skipped. Returns the tokens taken from each."""
    remaining = sum(map(len, texts))
    used_tokens = [0] * len(texts)
    number = 0
    with path.open("wb") as file:
        while remaining > 0 and sum(used_tokens) < MOST_TOKENS:
            part_index, before = interleave(np.arange(number, number + 1000), shares)
            for index, turn in zip(part_index.tolist(), before.tolist(), strict=True):
                start = turn * PIECE
                piece = texts[index].read(start, min(start + PIECE, len(texts[index])))
                file.write(piece.tobytes())
                used_tokens[index] += len(piece)
                remaining -= len(piece)
            number += 1000
    return used_tokens
