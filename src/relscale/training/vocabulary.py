"""The byte-level vocabulary of a tokenizer folder: its files, and the bytes of each token."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from relscale.errors import RelscaleError
from relscale.storage.checksums import check_digests_if_listed

FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer folder, as needed for training.

    Attributes
    ----------
    bytes
        ``[V]``, number of bytes of each token; 0 for special tokens.
    files
        Files of the tokenizer, which are copied to checkpoints.
    """

    bytes: np.ndarray
    files: tuple[Path, ...]


def read_vocabulary(folder: Path) -> Vocabulary:
    """Read a Hugging Face tokenizer's folder.

    Raises
    ------
    RelscaleError
        There is no ``tokenizer.json``, or it is not byte-level.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise RelscaleError(f"{path}: no such file; build the vocabulary with `relscale vocabulary`")
    check_digests_if_listed(folder)
    description = json.loads(path.read_text(encoding="utf-8"))
    if (description.get("decoder") or {}).get("type") != "ByteLevel":
        raise RelscaleError(f"{path}: not a byte-level vocabulary, so its tokens' bytes cannot be counted")
    tokenizer = Tokenizer.from_file(str(path))
    # A byte-level token is written with one character per byte, an added token with the characters themselves.
    tokens = {index: len(token) for token, index in tokenizer.get_vocab(with_added_tokens=True).items()}
    for token in description["added_tokens"]:
        tokens[token["id"]] = 0 if token["special"] else len(token["content"].encode())
    lengths = np.zeros(max(tokens) + 1, dtype=np.int64)
    lengths[list(tokens)] = list(tokens.values())
    return Vocabulary(lengths, tuple(folder / name for name in FILES if (folder / name).is_file()))
