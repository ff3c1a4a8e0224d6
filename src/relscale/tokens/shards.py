"""A streamed source into shards of tokens: by several processes, in constant memory, each shard once.

A shard is some of a file's text, in a folder that is whole or absent. Shards lie in the store under a key of all that
they depend on, where no rule of the workflow deletes them: a job that is killed resumes after the last complete one, a
larger plan adds to what is there, and experiments share it. How many tokens a run needs is not in the key; a corpus is
the shortest beginning of the sequence of shards that has them.
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

from relscale.atomic import remove
from relscale.checksums import is_whole, sealed_folder
from relscale.corpora.hub import Text, TextFile, read_texts
from relscale.corpora.stream import Stream
from relscale.errors import RelscaleError
from relscale.lock import lock_if_free, locked
from relscale.process import end_with_parent
from relscale.provenance import code_digest, digest, file_digest
from relscale.rows import column, schema_of
from relscale.tables import write_table
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

SHARD_CHARACTERS = 1 << 26  # of text in a shard: half a minute's work, and no more is lost where it is killed
CHUNK_CHARACTERS = 1 << 20  # encoded and shuffled at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardDocument:
    """One row per document of a shard, in the order of its tokens."""

    row: int = column("Its row in the file of the source.")
    split: str = column("train or validation.")
    group: str = column("Its group.")
    offset: int = column("Position of its first token in the split's tokens.", "tokens")
    tokens: int = column("Its tokens, the end-of-text token included.", "tokens")
    bytes: int = column("Its text in UTF-8.", "bytes")


@dataclass(frozen=True)
class Recipe:
    """What shards of a stream depend on, and where they go.

    Attributes
    ----------
    stream
        The source.
    vocabulary
        A tokenizer's folder.
    store
        Shards go to ``store/tokens/<key of the file>/<number>``.
    seed
        Of the order of documents: they are shuffled a chunk of text at a time.
    runs_of_words
        A file of n-grams (``relscale.tokens.contamination.suite_ngrams``, as .npy) that training documents must not
        have, and the number of words in each; None keeps all.
    shard_characters
        Characters of text after which a shard is full.
    """

    stream: Stream
    vocabulary: Path
    store: Path
    seed: int
    runs_of_words: tuple[Path, int] | None = None
    shard_characters: int = SHARD_CHARACTERS

    def folders(self) -> list[Path]:
        """The folders of each file's shards."""
        stream = {key: value for key, value in asdict(self.stream).items() if key != "files"}
        words = self.runs_of_words and [file_digest(self.runs_of_words[0]), self.runs_of_words[1]]
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
    """Make the shards that have ``tokens`` training tokens, or all where the source has fewer.

    Parameters
    ----------
    processes
        Each takes the next file that no other has; where fewer are of use, each has several threads.

    Returns
    -------
    list
        The folders of the shards, in their order. Which they are, and what is in them, depends on neither the number of
        processes nor on how often they were killed.

    Raises
    ------
    RelscaleError
        A file cannot be read, the source has no training text, or a process was killed.
    """
    folders = recipe.folders()
    if not Progress(folders).reached(tokens):
        # A process leaves a shard at least, and a token is rarely more than eight characters.
        useful = math.ceil(min(8 * tokens / recipe.shard_characters, processes))
        workers = max(1, min(processes, len(folders), useful))
        threads = max(1, processes // workers)
        if workers == 1:
            _work(recipe, folders, tokens, threads, True)
        else:
            _work_together(recipe, folders, tokens, threads, workers)
    shards = beginning(folders, tokens)
    if not any(read_shard(shard).splits["train"].tokens for shard in shards):
        first = recipe.stream.files[0].url if recipe.stream.files else "the source"
        raise RelscaleError(f"{first}: no training text; lower held_out or min_characters")
    return shards


def read_shard(folder: Path) -> Shard:
    """The record of a whole shard."""
    return Shard.read(folder / SHARD_FILE)


def beginning(folders: Sequence[Path], tokens: float) -> list[Path]:
    """The first shards, file by file, that together have so many training tokens, or all where there are fewer."""
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
    """How many training tokens the first shards have, none missing between them; files that are done are read once."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.waiting = list(reversed(folders))
        self.done = 0

    def reached(self, tokens: float) -> bool:
        """Whether those are so many, or all there can be."""
        while self.waiting:
            of_file, last = 0, False
            for _, record in _complete_shards(self.waiting[-1]):
                of_file += record.splits["train"].tokens
                last = record.last
            if not last:
                return self.done + of_file >= tokens
            self.done += of_file
            self.waiting.pop()
        return True


def _complete_shards(folder: Path) -> Iterator[tuple[Path, Shard]]:
    """The shards of a file that are there with all of their bytes, up to the first that is not."""
    number = 0
    while is_whole(shard := folder / f"{number:05}", SHARD_FILE):
        yield shard, read_shard(shard)
        number += 1


def _work_together(
    recipe: Recipe, folders: Sequence[Path], tokens: float, threads: int, workers: int
) -> None:
    # Fresh interpreters: a fork would inherit the locks, and would not have the threads of the tokenizer.
    with ProcessPoolExecutor(workers, get_context("spawn"), end_with_parent) as pool:
        shares = [
            pool.submit(_work, recipe, folders, tokens, threads, number == 0) for number in range(workers)
        ]
        try:
            for share in shares:
                share.result()
        except BrokenProcessPool as error:
            raise RelscaleError(
                "a process that makes tokens was killed, perhaps for lack of memory; run it again with fewer threads: "
                "complete shards are kept"
            ) from error


def _work(recipe: Recipe, folders: Sequence[Path], tokens: float, threads: int, waits: bool) -> None:
    """Make shards of one file after another until enough are there; of a file that another process has, none.

    One process of a job waits for such files in the end, since it may be another job's, which may be killed.
    """
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    tokenizer = load_vocabulary(recipe.vocabulary)
    known = np.load(recipe.runs_of_words[0], mmap_mode="r") if recipe.runs_of_words else None
    progress = Progress(folders)
    for lock in (lock_if_free, locked) if waits else (lock_if_free,):
        for file, folder in zip(recipe.stream.files, folders, strict=True):
            if progress.reached(tokens):
                return
            with lock(recipe.store / "locks" / f"tokens-{folder.name}.lock") as held:
                if held:
                    for number, chunks in _missing(recipe, file, folder):
                        shard = folder / f"{number:05}"
                        if shard.is_dir() and not is_whole(shard, SHARD_FILE):
                            print(f"{shard}: damaged; it is made again", file=sys.stderr)
                        with sealed_folder(shard) as partial:
                            _write(recipe, file, chunks, partial, tokenizer, known)
                        if progress.reached(tokens):
                            return


def _missing(recipe: Recipe, file: TextFile, folder: Path) -> Iterator[tuple[int, "_Chunks"]]:
    """The shards of a file that are not there yet: the number and the text of each."""
    for stale in folder.glob(".*.partial-*"):  # of a process that was killed: none other has this file's lock
        remove(stale)
    whole = [record for _, record in _complete_shards(folder)]
    if whole and whole[-1].last:
        return
    chunks = _Chunks(recipe, file, whole[-1].next_row if whole else 0)
    number = len(whole)
    while True:
        chunks.room = recipe.shard_characters
        yield number, chunks
        number += 1
        if not chunks.next:
            return


class _Chunks:
    """Texts of a file from row ``start`` on, so many characters at a time; it pauses where a shard is full."""

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
    """Write a shard: the tokens of both splits, an index of the documents, and what it says of itself."""
    end, dtype = end_of_text_id(tokenizer, recipe.vocabulary), token_type(tokenizer)
    left_out: Counter[str] = Counter(short=0, test=0, contaminated=0)
    sums = {split: hashlib.sha256() for split in SPLITS}
    offsets = dict.fromkeys(SPLITS, 0)
    index = []
    next_row = 0
    with ExitStack() as stack:
        files = {split: stack.enter_context((folder / f"{split}.bin").open("wb")) for split in SPLITS}
        for chunk in chunks:
            next_row = chunk[-1].row + 1
            chosen = _choose(recipe, chunk, known, left_out)
            for split in SPLITS:
                texts = chosen[split]
                encoded = tokenizer.encode_batch_fast([text.text for text in texts], add_special_tokens=False)
                arrays = [np.array([*encoding.ids, end], dtype) for encoding in encoded]
                data = np.concatenate([np.zeros(0, dtype), *arrays]).tobytes()
                files[split].write(data)
                sums[split].update(data)
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
        left_out=left_out,
        sha256={split: total.hexdigest() for split, total in sums.items()},
    )
    shard.write(folder / SHARD_FILE)


def _choose(
    recipe: Recipe, chunk: list[Text], known: NDArray[np.uint64] | None, excluded: Counter[str]
) -> dict[str, list[Text]]:
    """The texts of a chunk for each split, in an order that the seed and the chunk's place decide."""
    chosen: dict[str, list[Text]] = {split: [] for split in (*SPLITS, "test")}
    order = np.random.default_rng([recipe.seed, chunk[0].row]).permutation(len(chunk))
    for text in (chunk[position] for position in order):
        if len(text.text) < recipe.stream.min_characters:
            excluded["short"] += 1
        else:
            chosen[recipe.stream.split(text.text)].append(text)
    excluded["test"] += len(chosen.pop("test"))
    if known is not None and recipe.runs_of_words is not None:
        is_contaminated = contaminated(
            [text.text for text in chosen["train"]], known, recipe.runs_of_words[1]
        )
        excluded["contaminated"] += int(is_contaminated.sum())
        chosen["train"] = [
            text for text, out in zip(chosen["train"], is_contaminated, strict=True) if not out
        ]
    return chosen


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
