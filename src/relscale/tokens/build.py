"""Encode a table of documents as a token store in one piece."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tokenizers import Tokenizer

from relscale.corpora.documents import read_documents
from relscale.errors import RelscaleError
from relscale.provenance import file_digest, file_sha256
from relscale.storage.checksums import sealed_folder
from relscale.storage.rows import column, schema_of
from relscale.storage.tables import write_table
from relscale.tokens.contamination import contaminated
from relscale.tokens.counts import group_totals, totals, with_shares
from relscale.tokens.manifest import STORE_FILE, StoreManifest
from relscale.tokens.pruning import Pruning, selected_documents
from relscale.tokens.store import SPLITS
from relscale.tokens.vocabulary import TOKENIZER_FILE, end_of_text_id, load_vocabulary, token_type

CHUNK_CHARACTERS = 1 << 22  # characters encoded at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """One row per document of a store in one piece, in the order of its tokens."""

    split: str = column("train or validation.")
    order: int = column("Position among the documents of the split.")
    id: str = column("Id in the corpus.")
    group: str = column("Its group.")
    offset: int = column("Position of the document's first token in the split's tokens.", "tokens")
    tokens: int = column("Number of tokens, including the end-of-text token.", "tokens")
    bytes: int = column("Length of the text in UTF-8.", "bytes")


def build_store(
    documents: str | Path,
    part: str | None,
    vocabulary: str | Path,
    folder: str | Path,
    seed: int,
    avoid: tuple[NDArray[np.uint64], int] | None = None,
    pruning: Pruning | None = None,
) -> None:
    """Encode a corpus and write it as a token store, atomically: both splits, an index of documents and a manifest.

    Parameters
    ----------
    documents
        A table of documents.
    part
        Part of the documents; None for all.
    vocabulary
        A tokenizer's folder.
    folder
        Output folder: ``train.bin`` and ``validation.bin`` (little-endian uint16, or uint32 if the vocabulary is
        above 65,536); ``documents.parquet``, one row per document in the order of the store: split, order, id,
        group, offset (of the first token in the split), tokens (with the end-of-text token), bytes; and
        ``manifest.json`` (`relscale.tokens.manifest.StoreManifest`).
    seed
        Random seed of the document order.
    avoid
        n-grams that training documents must not contain (``relscale.tokens.contamination.suite_ngrams``), and their
        length in words; the manifest counts the removed documents under ``left_out``.
    pruning
        Selection among the remaining training documents; ``left_out`` counts the others.

    Raises
    ------
    RelscaleError
        There are no such documents, none of them is for training, or the vocabulary does not exist.
    """
    tokenizer = load_vocabulary(vocabulary)
    size = tokenizer.get_vocab_size()
    end = end_of_text_id(tokenizer, vocabulary)
    dtype = token_type(tokenizer)
    table = read_documents(documents, part)
    folder = Path(folder)
    with sealed_folder(folder) as partial:
        index = {}
        excluded: dict[str, int] = {}
        for split in SPLITS:
            rows = table.filter(pc.equal(table["split"], split))
            if split == "train" and not rows.num_rows:
                raise RelscaleError(f"{documents}: no training text{f' of part {part!r}' if part else ''}")
            if split == "train" and avoid is not None:
                is_contaminated = contaminated(rows["text"].to_pylist(), *avoid)
                excluded["contaminated"] = int(is_contaminated.sum())
                rows = rows.filter(pa.array(~is_contaminated))
            if split == "train" and pruning is not None:
                kept = selected_documents(
                    rows, pruning.options, seed, pruning.losses.get(Path(documents), {})
                )
                excluded["pruned"] = int((~kept).sum())
                rows = rows.filter(pa.array(kept))
                if not rows.num_rows:
                    raise RelscaleError(
                        f"corpora: prune.keep {pruning.options.keep:g} leaves no document; raise it"
                    )
            rows = rows.take(np.random.default_rng(seed).permutation(rows.num_rows))
            lengths = np.zeros(rows.num_rows, dtype=np.int64)
            with (partial / f"{split}.bin").open("wb") as file:
                for order, ids in enumerate(_encode(tokenizer, rows["text"])):
                    file.write(np.array([*ids, end], dtype=dtype).tobytes())
                    lengths[order] = len(ids) + 1
            index[split] = _index(rows, lengths)
        write_table(pa.concat_tables(index.values()), partial / "documents.parquet")
        manifest = StoreManifest(
            vocabulary_size=size,
            end_of_text=end,
            dtype=dtype.str,
            part=part,
            seed=seed,
            splits={split: totals(rows) for split, rows in index.items()},
            groups=with_shares(group_totals(index["train"])),
            vocabulary=file_digest(Path(vocabulary) / TOKENIZER_FILE),
            sha256={split: file_sha256(partial / f"{split}.bin") for split in SPLITS},
        )
        if excluded:
            manifest = manifest.model_copy(update={"left_out": excluded})
        manifest.write(partial / STORE_FILE)


def _encode(tokenizer: Tokenizer, texts: pa.ChunkedArray) -> Iterator[list[int]]:
    """Token ids of each text; texts are encoded in chunks, by all threads of the tokenizer."""
    chunk: list[str] = []
    characters = 0
    for number, text in enumerate(texts, start=1):
        chunk.append(text.as_py())
        characters += len(chunk[-1])
        if characters >= CHUNK_CHARACTERS or number == len(texts):
            for encoding in tokenizer.encode_batch_fast(chunk, add_special_tokens=False):
                yield encoding.ids
            chunk, characters = [], 0


def _index(rows: pa.Table, lengths: NDArray[np.int64]) -> pa.Table:
    return pa.table(
        {
            "split": rows["split"],
            "order": np.arange(rows.num_rows),
            "id": rows["id"],
            "group": rows["group"],
            "offset": np.cumsum(lengths) - lengths,
            "tokens": lengths,
            "bytes": rows["bytes"],
        },
        schema=schema_of(StoredDocument),
    )
