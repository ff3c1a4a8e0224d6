"""Tokenized corpora: a store in one piece, or a manifest of the shards of each part.

Documents of a table become one piece in the corpus's folder. Streamed sources become shards in the store, as does each
part of a mixture; the corpus's folder then contains the manifest and the validation text.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relscale.corpora.streamed import open_stream
from relscale.errors import Damaged, RelscaleError
from relscale.provenance import code_digest, digest, file_digest, file_sha256
from relscale.storage.atomic import atomic_path
from relscale.storage.checksums import check_digests, is_whole, sealed_folder, set_aside
from relscale.storage.lock import locked
from relscale.tokens.build import build_store
from relscale.tokens.contamination import suite_ngrams
from relscale.tokens.counts import with_shares
from relscale.tokens.interleave import integer_shares
from relscale.tokens.manifest import (
    NOTHING,
    STORE_FILE,
    Counts,
    GroupShare,
    Shard,
    StoreManifest,
    StorePart,
)
from relscale.tokens.pruning import Pruning
from relscale.tokens.shards import Recipe, make_shards, read_shard
from relscale.tokens.store import SPLITS
from relscale.tokens.validation_text import validation_texts, write_interleaved
from relscale.tokens.vocabulary import (
    TOKENIZER_FILE,
    end_of_text,
    end_of_text_id,
    load_vocabulary,
    token_type,
)

STREAMED_PART = "text"  # the only part of a streamed source


@dataclass(frozen=True)
class CorpusPart:
    """A part of a corpus.

    Attributes
    ----------
    source, documents
        The source's name, and its documents.
    part
        Part of the documents; None for all.
    weight
        Weight in the mixture; the share of the training tokens is the weight over the sum of the weights.
    unique_tokens
        Number of training tokens used, the first of the part; None for all.
    needed_tokens
        Number of training tokens up to which a streamed part is read.
    """

    source: str
    documents: Path
    part: str | None
    weight: float
    unique_tokens: int | None = None
    needed_tokens: float = math.inf

    @property
    def name(self) -> str:
        """Name in manifests and messages."""
        return f"{self.source}/{self.part}" if self.part else self.source


@dataclass(frozen=True)
class Decontamination:
    """Removal of training documents that share an n-gram with prepared suites: folders, and length in words."""

    suites: tuple[Path, ...]
    ngram: int


def build_corpus(
    parts: Sequence[CorpusPart],
    vocabulary: Path,
    folder: Path,
    store: Path,
    seed: int,
    clean: Decontamination | None = None,
    processes: int = 1,
    pruning: Pruning | None = None,
) -> None:
    """Write a corpus's ``manifest.json`` and all files that it refers to.

    Parameters
    ----------
    parts
        Parts of the corpus.
    vocabulary
        A tokenizer's folder.
    folder
        Folder of the manifest. For several parts, or a streamed part, it also gets ``validation.bin``: the parts
        interleaved by their shares.
    store
        Shards are written to ``store/tokens``.
    seed
        Random seed of the document order.
    clean
        Decontamination of the training documents; None for none.
    processes
        Number of processes that write shards.
    pruning
        Pruning of the training documents; None for none.

    Raises
    ------
    RelscaleError
        A part does not exist or has no training text, there is no validation text, or an error of ``make_shards``.
    """
    streams = [open_stream(part.documents) for part in parts]
    for part, stream in zip(parts, streams, strict=True):
        if stream and part.part not in (None, STREAMED_PART):
            raise RelscaleError(
                f"corpora: {part.source} is streamed and has no part {part.part!r}; leave it out"
            )
    avoid = None if clean is None else (suite_ngrams(clean.suites, clean.ngram), clean.ngram)
    if len(parts) == 1 and streams[0] is None and parts[0].unique_tokens is None:
        build_store(parts[0].documents, parts[0].part, vocabulary, folder, seed, avoid, pruning)
        return
    shares = integer_shares([part.weight for part in parts])
    store_parts = []
    for part, stream, share in zip(parts, streams, shares, strict=True):
        if stream is None:
            shards = [_store_in_one_piece(part, vocabulary, store, seed, avoid, pruning)]
            records: list[Shard] | list[StoreManifest] = [StoreManifest.read(shards[0] / STORE_FILE)]
        else:
            needed_tokens = min(part.needed_tokens, part.unique_tokens or math.inf)
            recipe = Recipe(stream, vocabulary, store, seed, _saved_ngrams(avoid, store))
            shards = make_shards(recipe, needed_tokens, processes)
            records = [read_shard(shard) for shard in shards]
        store_parts.append(_store_part(part, share, shards, records))
    with sealed_folder(folder) as partial:
        dtype = token_type(load_vocabulary(vocabulary)).str
        tables = [
            part.documents if stream is None else None for part, stream in zip(parts, streams, strict=True)
        ]
        with_validation = _write_validation(store_parts, tables, partial / "validation.bin", dtype)
        _write_manifest(with_validation, vocabulary, seed, partial)


def _store_in_one_piece(
    part: CorpusPart,
    vocabulary: Path,
    store: Path,
    seed: int,
    avoid: tuple[NDArray[np.uint64], int] | None,
    pruning: Pruning | None,
) -> Path:
    """The store of a part whose documents are in a table, built if it does not exist."""
    text = [file_digest(part.documents), part.part, file_digest(vocabulary / TOKENIZER_FILE), seed]
    words = avoid and [_digest(avoid[0]), avoid[1]]
    pruned = pruning and [pruning.options.values(), sorted(pruning.losses.get(part.documents, {}).items())]
    key = digest([text, end_of_text(vocabulary), words, pruned, code_digest("relscale.tokens.build")])
    folder = store / "tokens" / key
    with locked(store / "locks" / f"tokens-{key}.lock"):
        if not is_whole(folder, STORE_FILE):
            build_store(part.documents, part.part, vocabulary, folder, seed, avoid, pruning)
    return folder


def _saved_ngrams(avoid: tuple[NDArray[np.uint64], int] | None, store: Path) -> tuple[Path, int] | None:
    """The file with the n-grams, for all processes, and their length."""
    if avoid is None:
        return None
    path = store / "tokens" / f"words-{_digest(avoid[0])}.npy"
    if not _contains(path, avoid[0]):
        with atomic_path(path) as partial:
            np.save(partial, avoid[0])
    return path, avoid[1]


def _contains(path: Path, ngrams: NDArray[np.uint64]) -> bool:
    try:
        return np.array_equal(np.load(path), ngrams)
    except (OSError, ValueError):  # missing or damaged
        return False


def _digest(ngrams: NDArray[np.uint64]) -> str:
    return hashlib.sha256(ngrams.tobytes()).hexdigest()[:16]


def _store_part(
    part: CorpusPart, units: int, shards: list[Path], records: Sequence[Shard | StoreManifest]
) -> StorePart:
    """Manifest entry of a part, summed over its shards."""
    groups: dict[str, Counts] = {}
    excluded: Counter[str] = Counter()
    for record in records:
        for group, counts in record.groups.items():
            assert isinstance(counts, Counts)  # shards have counts
            groups[group] = groups.get(group, NOTHING) + counts
        excluded.update(record.left_out)
    splits = _added(record.splits for record in records)
    if part.unique_tokens is not None and splits["train"].tokens < part.unique_tokens:
        raise RelscaleError(
            f"corpora: {part.name} has {splits['train'].tokens:,} training tokens, fewer than its unique_tokens "
            f"({part.unique_tokens:,}); lower unique_tokens, or leave it out"
        )
    return StorePart(
        name=part.name,
        units=units,
        shards=tuple(map(str, shards)),
        splits=splits,
        groups=with_shares(groups),
        left_out=excluded,
        sha256=digest([record.sha256["train"] for record in records]),
        unique_tokens=part.unique_tokens,
    )


def _added(splits: Iterable[Mapping[str, Counts]]) -> dict[str, Counts]:
    """Sum of counts, by split."""
    records = list(splits)
    return {split: sum((counts[split] for counts in records), NOTHING) for split in SPLITS}


def _write_validation(
    parts: list[StorePart], tables: Sequence[Path | None], path: Path, dtype: str
) -> list[StorePart]:
    """Write the parts' validation texts.

    ``tables`` are the parts' documents, None for a streamed part. Returns the parts with the number of tokens taken
    from each.
    """
    for shard in (Path(shard) for part in parts for shard in part.shards):
        try:
            check_digests(shard, ["validation.bin"])
        except Damaged as error:
            raise Damaged(error.path, error.reason, f"moved to {set_aside(shard)}: run it again") from None
    texts = validation_texts([part.shards for part in parts], tables, dtype)
    if not any(map(len, texts)):
        raise RelscaleError(
            f"corpora: {', '.join(part.name for part in parts)}: no text for validation; give it a larger share "
            "of a source"
        )
    used_tokens = write_interleaved(texts, tuple(part.units for part in parts), path)
    return [
        part.model_copy(update={"validation_tokens": tokens})
        for part, tokens in zip(parts, used_tokens, strict=True)
    ]


def _training_text_id(part: StorePart) -> list[object]:
    """The contents of the digest of the training text, per part."""
    text = [part.units, part.sha256]
    return text if part.unique_tokens is None else [*text, part.unique_tokens]


def _write_manifest(parts: list[StorePart], vocabulary: Path, seed: int, folder: Path) -> None:
    tokenizer = load_vocabulary(vocabulary)
    total_units = sum(part.units for part in parts)
    groups: dict[str, float] = {}
    for part in parts:
        for group, counts in part.groups.items():
            groups[group] = groups.get(group, 0) + part.units / total_units * counts.share
    manifest = StoreManifest(
        vocabulary_size=tokenizer.get_vocab_size(),
        end_of_text=end_of_text_id(tokenizer, vocabulary),
        dtype=token_type(tokenizer).str,
        seed=seed,
        parts=tuple(parts),
        splits=_added(part.splits for part in parts),
        groups={group: GroupShare(share=share) for group, share in sorted(groups.items())},
        vocabulary=file_digest(vocabulary / TOKENIZER_FILE),
        sha256={
            "train": digest([_training_text_id(part) for part in parts]),
            "validation": file_sha256(folder / "validation.bin"),
        },
    )
    manifest.write(folder / STORE_FILE)
