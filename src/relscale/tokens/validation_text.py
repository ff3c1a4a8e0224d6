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


def validation_text(shards: Sequence[str], documents: Path | None, tables: set[Path], dtype: str) -> Joined:
    """The validation tokens of a part.

    Parameters
    ----------
    shards
        Folders of its tokens.
    documents
        Its table of documents; None if it is streamed.
    tables
        The tables of all parts.
    dtype
        NumPy dtype of the tokens.
    """
    text = joined(shards, SPLIT, dtype)
    others = tables - {documents}
    if documents is None or not others:
        return text
    own = read_documents(documents, split=SPLIT)
    seen = np.zeros(own.num_rows, bool)
    for other in others:
        seen |= trained_on(own["text"], read_documents(other, split="train"))
    if not seen.any():
        return text
    (folder,) = shards
    index = read_table(Path(folder) / "documents.parquet")
    stored = index.filter(pc.equal(index["split"], SPLIT))
    excluded = pc.is_in(stored["id"], value_set=own["id"].filter(pa.array(seen)).combine_chunks()).to_numpy()
    if excluded.any():
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
