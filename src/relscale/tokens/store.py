"""Documents as tokens on disk, and the order in which training reads them."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from relscale.atomic import atomic_path
from relscale.corpora.documents import read_documents
from relscale.errors import RelscaleError
from relscale.provenance import file_digest
from relscale.tables import write_table
from relscale.tokens.vocabulary import END_OF_TEXT

SPLITS = ("train", "validation")
CHUNK = 1024  # documents encoded at a time, so that memory does not grow with the corpus


def build_store(
    documents: str | Path, part: str | None, vocabulary: str | Path, folder: str | Path, seed: int
) -> dict[str, Any]:
    """Encode the training and validation documents of a corpus.

    ``train.bin`` and ``validation.bin`` hold token ids, documents in a seeded order, each followed by the end-of-text
    token; ``documents.parquet`` says where each stands, and ``manifest.json`` what there is.

    Parameters
    ----------
    documents, part
        The table of documents, and the part of it that is this corpus.
    vocabulary
        A tokenizer's folder.
    folder
        Written whole or not at all.
    seed
        Of the documents' order.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    RelscaleError
        There is no vocabulary, or no document for training or validation.
    """
    path = Path(vocabulary) / "tokenizer.json"
    if not path.is_file():
        raise RelscaleError(f"{path}: no such file; train the vocabulary first")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True  # documentation that spells out a special token ends no document by it
    end_of_text = tokenizer.token_to_id(END_OF_TEXT)
    size = tokenizer.get_vocab_size()
    dtype = np.dtype("<u2" if size <= 2**16 else "<u4")
    folder = Path(folder)
    with atomic_path(folder) as partial:
        partial.mkdir()
        rows = []
        for split in SPLITS:
            table = read_documents(documents, part, split)
            if not table.num_rows:
                raise RelscaleError(f"{documents}: no document of part {part!r} is for {split}; see the source's 'split'")
            order = np.random.default_rng(seed).permutation(table.num_rows)
            table = table.select(["id", "group", "bytes", "text"]).take(order)
            with open(partial / f"{split}.bin", "wb") as file:
                counts = _encode(table["text"], tokenizer, end_of_text, dtype, file)
            rows.append(_index(table, counts, split))
        index = pa.concat_tables(rows)
        write_table(index, partial / "documents.parquet")
        manifest = {
            "vocabulary_size": size,
            "end_of_text": end_of_text,
            "dtype": dtype.str,
            "vocabulary": file_digest(path),
            "sha256": {split: file_digest(partial / f"{split}.bin") for split in SPLITS},
            "splits": {split: _counts(index, split) for split in SPLITS},
        }
        (partial / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


@dataclass(frozen=True)
class TokenStore:
    """The tokens of a corpus, mapped from disk.

    A split is one stream, cut into blocks of ``sequence_length`` tokens; a block's last target is the next block's
    first token. Training visits the blocks in a seeded order, another for each pass. A batch is a function of the step
    alone, so that training can stop and go on anywhere, on any number of devices.
    """

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> "TokenStore":
        """Open the store in ``folder``.

        Raises
        ------
        RelscaleError
            There is none.
        """
        path = Path(folder) / "manifest.json"
        if not path.is_file():
            raise RelscaleError(f"{path}: no such file; make the store with `relscale tokenize`")
        return cls(Path(folder), json.loads(path.read_text(encoding="utf-8")))

    def tokens(self, split: str) -> np.ndarray:
        """All token ids of a split, ``[n]``, mapped from disk."""
        return np.memmap(self.folder / f"{split}.bin", dtype=self.manifest["dtype"], mode="r")

    def batch(
        self, step: int, batch_size: int, sequence_length: int, split: str = "train", seed: int = 0
    ) -> np.ndarray:
        """The sequences of a step, from 0 on, as int64 ``[batch_size, sequence_length + 1]``.

        Raises
        ------
        RelscaleError
            The split is shorter than one sequence.
        """
        tokens = self.tokens(split)
        blocks = (len(tokens) - 1) // sequence_length
        if blocks < 1:
            raise RelscaleError(
                f"{self.folder}: {len(tokens)} tokens for {split}, fewer than a sequence of {sequence_length + 1}"
            )
        positions = np.arange(step * batch_size, (step + 1) * batch_size)
        chosen = np.array([_order(blocks, seed, epoch)[place] for epoch, place in zip(*divmod(positions, blocks))])
        return tokens[chosen[:, None] * sequence_length + np.arange(sequence_length + 1)].astype(np.int64)

    def epochs(self, tokens: int) -> float:
        """How often training on so many tokens passes over the training split."""
        return tokens / len(self.tokens("train"))


@cache
def _order(blocks: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(blocks)


def _encode(
    texts: pa.ChunkedArray, tokenizer: Tokenizer, end_of_text: int, dtype: np.dtype, file: BinaryIO
) -> list[int]:
    """Append the tokens of all texts to ``file``; return how many each has, its end-of-text token counted."""
    counts = []
    for start in range(0, len(texts), CHUNK):
        for encoding in tokenizer.encode_batch_fast(texts.slice(start, CHUNK).to_pylist()):
            ids = [*encoding.ids, end_of_text]
            file.write(np.array(ids, dtype=dtype).tobytes())
            counts.append(len(ids))
    return counts


def _index(table: pa.Table, counts: list[int], split: str) -> pa.Table:
    ends = np.cumsum(counts)
    return pa.table(
        {
            "split": [split] * len(counts),
            "id": table["id"],
            "group": table["group"],
            "offset": ends - counts,
            "tokens": pa.array(counts, pa.int64()),
            "bytes": table["bytes"],
        }
    )


def _counts(index: pa.Table, split: str) -> dict[str, Any]:
    """Documents, tokens and bytes of a split, and the share of its tokens that each group has."""
    part = index.filter(pc.equal(index["split"], split))
    groups = part.group_by("group").aggregate([("tokens", "sum")]).sort_by("group")
    total = sum(groups["tokens_sum"].to_pylist())
    return {
        "documents": part.num_rows,
        "tokens": total,
        "bytes": sum(part["bytes"].to_pylist()),
        "shares": {row["group"]: row["tokens_sum"] / total for row in groups.to_pylist()},
    }
