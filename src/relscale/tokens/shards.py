"""Tokenize a streamed source into shards, by several processes and in constant memory.

A shard is a section of a file's text, in a folder that is written atomically and stored under a key of all its
dependencies, outside the files of the workflow's rules. A killed job resumes after the last complete shard, a larger
plan adds shards, and experiments share them. The key does not depend on the number of tokens: a corpus is the shortest
prefix of the sequence of shards with enough tokens.
"""

import hashlib
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tokenizers import Tokenizer

from relscale.corpora.hub import Text, TextFile, read_texts
from relscale.corpora.stream import Stream
from relscale.errors import RelscaleError
from relscale.provenance import code_digest, digest, file_digest
from relscale.storage.atomic import remove
from relscale.storage.checksums import is_whole, sealed_folder
from relscale.storage.lock import lock_if_free, locked
from relscale.storage.process import end_with_parent
from relscale.storage.rows import column, schema_of
from relscale.storage.tables import write_table
from relscale.tokens.contamination import contaminated
from relscale.tokens.counts import group_totals, totals
from relscale.tokens.manifest import SHARD_FILE, Shard
from relscale.tokens.store import SPLITS
from relscale.tokens.vocabulary import (
    TOKENIZER_FILE,
    end_of_text,
    end_of_text_id,
    load_vocabulary,
    token_type,
)

SHARD_CHARACTERS = 1 << 26  # half a minute of work, the most that a killed process loses
CHUNK_CHARACTERS = 1 << 20  # characters encoded and shuffled at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardDocument:
    """One row per document of a shard, in the order of its tokens."""

    row: int = column("Row in the file of the source.")
    split: str = column("train or validation.")
    group: str = column("Its group.")
    offset: int = column("Position of the document's first token in the split's tokens.", "tokens")
    tokens: int = column("Number of tokens, including the end-of-text token.", "tokens")
    bytes: int = column("Length of the text in UTF-8.", "bytes")


@dataclass(frozen=True)
class Recipe:
    """Dependencies of the shards of a stream, and their location.

    Attributes
    ----------
    stream
        The source.
    vocabulary
        A tokenizer's folder.
    store
        Shards are written to ``store/tokens/<key of the file>/<number>``.
    seed
        Random seed of the document order; documents are shuffled within chunks of text.
    runs_of_words
        A file of n-grams (``relscale.tokens.contamination.suite_ngrams``, as .npy) that training documents must not
        contain, and their length in words; None keeps all documents.
    shard_characters
        Length of a shard, in characters of text.
    """

    stream: Stream
    vocabulary: Path
    store: Path
    seed: int
    suite_ngrams: tuple[Path, int] | None = None
    shard_characters: int = SHARD_CHARACTERS

    def folders(self) -> list[Path]:
        """Folder of each file's shards."""
        stream = {key: value for key, value in asdict(self.stream).items() if key != "files"}
        words = self.suite_ngrams and [file_digest(self.suite_ngrams[0]), self.suite_ngrams[1]]
        vocabulary = [file_digest(self.vocabulary / TOKENIZER_FILE), end_of_text(self.vocabulary)]
        key = [
            stream,
            vocabulary,
            words,
            self.seed,
            self.shard_characters,
            code_digest("relscale.tokens.shards"),
        ]
        return [self.store / "tokens" / digest([file.name, file.content, key]) for file in self.stream.files]


def make_shards(recipe: Recipe, tokens: float, processes: int) -> list[Path]:
    """Write the shards that have ``tokens`` training tokens, or all if the source has fewer.

    Parameters
    ----------
    processes
        Number of processes. Each takes the next free file; if fewer are useful, each has several threads.

    Returns
    -------
    list
        Folders of the shards, in order. Neither the number of processes nor interruptions change the shards or their
        content.

    Raises
    ------
    RelscaleError
        A file cannot be read, the source has no training text, or a process was killed.
    """
    folders = recipe.folders()
    if not Progress(folders).reached(tokens):
        # a process writes at least one shard, and tokens rarely have more than eight characters on average
        needed_workers = math.ceil(min(8 * tokens / recipe.shard_characters, processes))
        workers = max(1, min(processes, len(folders), needed_workers))
        threads = max(1, processes // workers)
        if workers == 1:
            _write_shards(recipe, folders, tokens, threads, True)
        else:
            _write_in_processes(recipe, folders, tokens, threads, workers)
    shards = first_shards(folders, tokens)
    if not any(read_shard(shard).splits["train"].tokens for shard in shards):
        first = recipe.stream.files[0].url if recipe.stream.files else "the source"
        raise RelscaleError(f"{first}: no training text; lower held_out or min_characters")
    return shards


def read_shard(folder: Path) -> Shard:
    """Manifest of a complete shard."""
    return Shard.read(folder / SHARD_FILE)


def first_shards(folders: Sequence[Path], tokens: float) -> list[Path]:
    """The first shards, file by file, that together have ``tokens`` training tokens, or all if there are fewer."""
    shards: list[Path] = []
    total = 0
    for folder in folders:
        for shard, record in _complete_shards(folder):
            shards.append(shard)
            total += record.splits["train"].tokens
            if total >= tokens:
                return shards
    return shards


class Progress:
    """The number of training tokens in the consecutive complete shards; complete files are read once."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.remaining_folders = list(reversed(folders))
        self.finished_tokens = 0

    def reached(self, tokens: float) -> bool:
        """Whether there are enough training tokens, or all files are complete."""
        while self.remaining_folders:
            file_tokens, last = 0, False
            for _, record in _complete_shards(self.remaining_folders[-1]):
                file_tokens += record.splits["train"].tokens
                last = record.last
            if not last:
                return self.finished_tokens + file_tokens >= tokens
            self.finished_tokens += file_tokens
            self.remaining_folders.pop()
        return True


def _complete_shards(folder: Path) -> Iterator[tuple[Path, Shard]]:
    """The complete shards of a file, up to the first that is missing or damaged."""
    number = 0
    while is_whole(shard := folder / f"{number:05}", SHARD_FILE):
        yield shard, read_shard(shard)
        number += 1


def _write_in_processes(
    recipe: Recipe, folders: Sequence[Path], tokens: float, threads: int, workers: int
) -> None:
    # spawned, because a fork would inherit the locks but not the threads of the tokenizer
    with ProcessPoolExecutor(workers, get_context("spawn"), end_with_parent) as pool:
        futures = [
            pool.submit(_write_shards, recipe, folders, tokens, threads, number == 0)
            for number in range(workers)
        ]
        try:
            for future in futures:
                future.result()
        except BrokenProcessPool as error:
            raise RelscaleError(
                "a tokenizing process was killed, possibly for lack of memory; run it again with fewer threads: "
                "complete shards are kept"
            ) from error


def _write_shards(
    recipe: Recipe, folders: Sequence[Path], tokens: float, threads: int, wait_for_locks: bool
) -> None:
    """Write shards file by file until there are enough; files locked by other processes are skipped.

    One process per job then waits for the locked files, because their owner may be another job that is killed.
    """
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    tokenizer = load_vocabulary(recipe.vocabulary)
    known = np.load(recipe.suite_ngrams[0], mmap_mode="r") if recipe.suite_ngrams else None
    progress = Progress(folders)
    for lock in (lock_if_free, locked) if wait_for_locks else (lock_if_free,):
        for file, folder in zip(recipe.stream.files, folders, strict=True):
            if progress.reached(tokens):
                return
            with lock(recipe.store / "locks" / f"tokens-{folder.name}.lock") as acquired:
                if acquired:
                    for number, chunks in _missing(recipe, file, folder):
                        shard = folder / f"{number:05}"
                        if shard.is_dir() and not is_whole(shard, SHARD_FILE):
                            print(f"{shard}: damaged; it is written again", file=sys.stderr)
                        with sealed_folder(shard) as partial:
                            _write(recipe, file, chunks, partial, tokenizer, known)
                        if progress.reached(tokens):
                            return


def _missing(recipe: Recipe, file: TextFile, folder: Path) -> Iterator[tuple[int, "_Chunks"]]:
    """Missing shards of a file: the number and the text of each."""
    for stale in folder.glob(".*.partial-*"):  # left by a killed process, since no other has the lock
        remove(stale)
    complete = [record for _, record in _complete_shards(folder)]
    if complete and complete[-1].last:
        return
    chunks = _Chunks(recipe, file, complete[-1].next_row if complete else 0)
    number = len(complete)
    while True:
        chunks.room = recipe.shard_characters
        yield number, chunks
        number += 1
        if not chunks.next:
            return


class _Chunks:
    """Texts of a file from row ``start``, in chunks of a number of characters; it pauses when a shard is full."""

    def __init__(self, recipe: Recipe, file: TextFile, start: int) -> None:
        self.chunks = self._read(recipe, file, start)
        self.next = next(self.chunks, [])
        self.room = recipe.shard_characters

    def __iter__(self) -> Iterator[list[Text]]:
        while self.next and self.room > 0:
            yield self.next
            self.room -= sum(len(text.text) for text in self.next)
            self.next = next(self.chunks, [])

    def _read(self, recipe: Recipe, file: TextFile, start: int) -> Iterator[list[Text]]:
        chunk: list[Text] = []
        characters = 0
        for text in read_texts(file, recipe.stream.text, recipe.stream.group, start):
            chunk.append(text)
            characters += len(text.text)
            if characters >= CHUNK_CHARACTERS:
                yield chunk
                chunk, characters = [], 0
        if chunk:
            yield chunk


def _write(
    recipe: Recipe,
    file: TextFile,
    chunks: "_Chunks",
    folder: Path,
    tokenizer: Tokenizer,
    known: NDArray[np.uint64] | None,
) -> None:
    """Write a shard: the tokens of both splits, an index of the documents, and a manifest."""
    end, dtype = end_of_text_id(tokenizer, recipe.vocabulary), token_type(tokenizer)
    excluded: Counter[str] = Counter(short=0, test=0, contaminated=0)
    digests = {split: hashlib.sha256() for split in SPLITS}
    offsets = dict.fromkeys(SPLITS, 0)
    index = []
    next_row = 0
    with ExitStack() as stack:
        files = {split: stack.enter_context((folder / f"{split}.bin").open("wb")) for split in SPLITS}
        for chunk in chunks:
            next_row = chunk[-1].row + 1
            texts_by_split = _choose(recipe, chunk, known, excluded)
            for split in SPLITS:
                texts = texts_by_split[split]
                encoded = tokenizer.encode_batch_fast([text.text for text in texts], add_special_tokens=False)
                arrays = [np.array([*encoding.ids, end], dtype) for encoding in encoded]
                data = np.concatenate([np.zeros(0, dtype), *arrays]).tobytes()
                files[split].write(data)
                digests[split].update(data)
                rows = _index(split, texts, arrays, offsets[split])
                index.append(rows)
                offsets[split] += len(data) // dtype.itemsize
    documents = pa.concat_tables([_index("train", [], [], 0), *index])
    write_table(documents, folder / "documents.parquet")
    shard = Shard(
        file=file.name,
        last=not chunks.next,
        next_row=next_row,
        splits={split: totals(documents.filter(pc.equal(documents["split"], split))) for split in SPLITS},
        groups=group_totals(documents),
        left_out=excluded,
        sha256={split: total.hexdigest() for split, total in digests.items()},
    )
    shard.write(folder / SHARD_FILE)


def _choose(
    recipe: Recipe, chunk: list[Text], known: NDArray[np.uint64] | None, excluded: Counter[str]
) -> dict[str, list[Text]]:
    """Texts of a chunk by split, in an order determined by the seed and the position of the chunk."""
    texts_by_split: dict[str, list[Text]] = {split: [] for split in (*SPLITS, "test")}
    order = np.random.default_rng([recipe.seed, chunk[0].row]).permutation(len(chunk))
    for text in (chunk[position] for position in order):
        if len(text.text) < recipe.stream.min_characters:
            excluded["short"] += 1
        else:
            texts_by_split[recipe.stream.split(text.text)].append(text)
    excluded["test"] += len(texts_by_split.pop("test"))
    if known is not None and recipe.suite_ngrams is not None:
        is_contaminated = contaminated(
            [text.text for text in texts_by_split["train"]], known, recipe.suite_ngrams[1]
        )
        excluded["contaminated"] += int(is_contaminated.sum())
        texts_by_split["train"] = [
            text for text, is_out in zip(texts_by_split["train"], is_contaminated, strict=True) if not is_out
        ]
    return texts_by_split


def _index(split: str, texts: list[Text], arrays: list[NDArray[Any]], offset: int) -> pa.Table:
    lengths = np.array([len(array) for array in arrays], np.int64)
    return pa.table(
        {
            "row": [text.row for text in texts],
            "split": [split] * len(texts),
            "group": [text.group for text in texts],
            "offset": offset + np.cumsum(lengths) - lengths,
            "tokens": lengths,
            "bytes": [len(text.text.encode()) for text in texts],
        },
        schema=schema_of(ShardDocument),
    )
