"""A corpus made ready for training: a store of one piece, or a manifest of what each of its parts has in the store.

Documents that are there as a table become one piece, in the corpus's own folder. What is streamed becomes shards, and
each part of a mixture lies in the store too; the corpus's folder then has the manifest and the validation text.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relscale.atomic import atomic_path, locked
from relscale.checksums import check_digests, is_whole, sealed_folder, set_aside
from relscale.corpora.streamed import open_stream
from relscale.errors import Damaged, RelscaleError
from relscale.provenance import code_digest, digest, file_digest, file_sha256
from relscale.tokens.build import build_store
from relscale.tokens.contamination import asked
from relscale.tokens.counts import with_shares
from relscale.tokens.interleave import integer_shares, interleave
from relscale.tokens.shards import Recipe, make_shards, read_shard
from relscale.tokens.store import MANIFEST_FILE, SPLITS, joined
from relscale.tokens.vocabulary import TOKENIZER_FILE, end_of_text, load_vocabulary, token_type

VALIDATION_TOKENS = 1 << 24  # more are never looked at
VALIDATION_PIECE = 1024  # tokens of a part at a time: about a page of the web, a small piece of a book
TABLE_PART = "text"  # the one part that a streamed source has


@dataclass(frozen=True)
class CorpusPart:
    """A part of a corpus: the source's name, its documents, which part of them (None: all), and its weight."""

    source: str
    documents: Path
    part: str | None
    weight: float

    @property
    def name(self) -> str:
        """What it is called in manifests and messages."""
        return f"{self.source}/{self.part}" if self.part else self.source


@dataclass(frozen=True)
class Decontamination:
    """Folders of prepared suites, and how many words in a row training documents must not share with them."""

    suites: tuple[Path, ...]
    ngram: int


def build_corpus(
    parts: Sequence[CorpusPart],
    vocabulary: Path,
    folder: Path,
    store: Path,
    seed: int,
    tokens: float,
    clean: Decontamination | None = None,
    processes: int = 1,
) -> None:
    """Write a corpus's ``manifest.json``, and all that it points to.

    Parameters
    ----------
    parts
        What it is made of.
    vocabulary
        A tokenizer's folder.
    folder
        Where the manifest goes. Of several parts, or one that is streamed, it lists as ``parts`` the name, ``units``
        (shares, in whole numbers), ``shards``, counts and ``left_out`` of each; ``groups`` have their shares of what
        training draws. Beside it lies ``validation.bin``: pieces of each part in turns, by their shares.
    store
        Shards go below ``store/tokens``.
    seed
        Of the order of the documents.
    tokens
        How many training tokens a run may draw; a streamed part is read until it has its share of them.
    clean
        What training documents must not have.
    processes
        That make shards.

    Raises
    ------
    RelscaleError
        There is no such part, one has no text for training, or none for validation; what ``make_shards`` raises.
    """
    streams = [open_stream(part.documents) for part in parts]
    for part, stream in zip(parts, streams, strict=True):
        if stream and part.part not in (None, TABLE_PART):
            raise RelscaleError(
                f"corpora: {part.source} is streamed and has no part {part.part!r}; leave it out"
            )
    avoid = None if clean is None else (asked(clean.suites, clean.ngram), clean.ngram)
    if len(parts) == 1 and streams[0] is None:
        build_store(parts[0].documents, parts[0].part, vocabulary, folder, seed, avoid)
        return
    shares = integer_shares([part.weight for part in parts])
    listed = []
    for part, stream, share in zip(parts, streams, shares, strict=True):
        if stream is None:
            shards = [_one_piece(part, vocabulary, store, seed, avoid)]
            told = [json.loads((shards[0] / MANIFEST_FILE).read_text(encoding="utf-8"))]
        else:
            wanted = tokens * share / sum(shares)
            recipe = Recipe(stream, vocabulary, store, seed, _kept(avoid, store))
            shards = make_shards(recipe, wanted, processes)
            told = [read_shard(shard) for shard in shards]
        listed.append(_listed(part, share, shards, told))
    with sealed_folder(folder) as partial:
        _write_validation(listed, partial / "validation.bin", token_type(load_vocabulary(vocabulary)).str)
        _write_manifest(listed, vocabulary, seed, partial)


def _one_piece(
    part: CorpusPart,
    vocabulary: Path,
    store: Path,
    seed: int,
    avoid: tuple[NDArray[np.uint64], int] | None,
) -> Path:
    """The store of a part whose documents are all there, made once."""
    text = [file_digest(part.documents), part.part, file_digest(vocabulary / TOKENIZER_FILE), seed]
    words = avoid and [_digest(avoid[0]), avoid[1]]
    key = digest([text, end_of_text(vocabulary), words, code_digest("relscale.tokens.build")])
    folder = store / "tokens" / key
    with locked(store / "locks" / f"tokens-{key}.lock"):
        if not is_whole(folder, MANIFEST_FILE):
            build_store(part.documents, part.part, vocabulary, folder, seed, avoid)
    return folder


def _kept(avoid: tuple[NDArray[np.uint64], int] | None, store: Path) -> tuple[Path, int] | None:
    """Runs of words in a file that processes share."""
    if avoid is None:
        return None
    path = store / "tokens" / f"words-{_digest(avoid[0])}.npy"
    if not _holds(path, avoid[0]):
        with atomic_path(path) as partial:
            np.save(partial, avoid[0])
    return path, avoid[1]


def _holds(path: Path, runs: NDArray[np.uint64]) -> bool:
    try:
        return np.array_equal(np.load(path), runs)
    except (OSError, ValueError):  # it is not there, or damaged
        return False


def _digest(runs: NDArray[np.uint64]) -> str:
    return hashlib.sha256(runs.tobytes()).hexdigest()[:16]


def _listed(part: CorpusPart, share: int, shards: list[Path], told: list[dict[str, Any]]) -> dict[str, Any]:
    """What the manifest says of a part, added up over its shards."""
    splits = {split: Counter[str]() for split in SPLITS}
    groups: dict[str, Counter[str]] = {}
    left_out: Counter[str] = Counter()
    for each in told:
        for split in SPLITS:
            splits[split].update(each["splits"][split])
        for group, counts in each["groups"].items():
            own = {key: value for key, value in counts.items() if key != "share"}
            groups.setdefault(group, Counter()).update(own)
        left_out.update(each.get("left_out", {}))
    return {
        "name": part.name,
        "units": share,
        "shards": [str(shard) for shard in shards],
        "splits": splits,
        "groups": with_shares(groups),
        "left_out": left_out,
        "sha256": digest([each["sha256"]["train"] for each in told]),
    }


def _write_validation(listed: list[dict[str, Any]], path: Path, dtype: str) -> None:
    """Pieces of the parts' validation texts, in turns by their shares; a part that has no more is passed over.

    What each part gave is noted in ``listed``.
    """
    for shard in (Path(shard) for each in listed for shard in each["shards"]):
        try:
            check_digests(shard, ["validation.bin"])
        except Damaged as error:
            raise Damaged(error.path, error.what, f"moved to {set_aside(shard)}: run it again") from None
    texts = [joined(each["shards"], "validation", dtype) for each in listed]
    left = sum(len(text) for text in texts)
    if not left:
        raise RelscaleError(
            f"corpora: {', '.join(each['name'] for each in listed)}: no text for validation; give it a larger share "
            "of a source"
        )
    given = [0] * len(listed)
    number = 0
    with path.open("wb") as file:
        while left > 0 and sum(given) < VALIDATION_TOKENS:
            part_index, before = interleave(
                np.arange(number, number + 1000), tuple(each["units"] for each in listed)
            )
            for part, turn in zip(part_index.tolist(), before.tolist(), strict=True):
                start = turn * VALIDATION_PIECE
                piece = texts[part].read(start, min(start + VALIDATION_PIECE, len(texts[part])))
                file.write(piece.tobytes())
                given[part] += len(piece)
                left -= len(piece)
            number += 1000
    for each, tokens in zip(listed, given, strict=True):
        each["validation_tokens"] = tokens


def _write_manifest(listed: list[dict[str, Any]], vocabulary: Path, seed: int, folder: Path) -> None:
    tokenizer = load_vocabulary(vocabulary)
    whole = sum(each["units"] for each in listed)
    groups: Counter[str] = Counter()
    for each in listed:
        for group, counts in each["groups"].items():
            groups[group] += each["units"] / whole * counts["share"]
    splits = {split: Counter[str]() for split in SPLITS}
    for each in listed:
        for split in SPLITS:
            splits[split].update(each["splits"][split])
    manifest = {
        "vocabulary_size": tokenizer.get_vocab_size(),
        "end_of_text": tokenizer.token_to_id(end_of_text(vocabulary)),
        "dtype": token_type(tokenizer).str,
        "seed": seed,
        "parts": listed,
        "splits": splits,
        "groups": {group: {"share": share} for group, share in sorted(groups.items())},
        "vocabulary": file_digest(vocabulary / TOKENIZER_FILE),
        "sha256": {
            "train": digest([[each["units"], each["sha256"]] for each in listed]),
            "validation": file_sha256(folder / "validation.bin"),
        },
    }
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
