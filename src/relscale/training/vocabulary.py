"""A byte-level vocabulary as training sees it: its end-of-text token, its files, and the bytes of each token."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from relscale.errors import RelscaleError

END_OF_TEXT = "<|endoftext|>"
FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True)
class Vocabulary:
    """What training needs to know of a tokenizer's folder.

    Attributes
    ----------
    end_of_text
        Id of the token that ends a document.
    bytes
        ``[V]``, bytes of text that each token stands for; 0 for special tokens.
    files
        The tokenizer's files, which a checkpoint carries along.
    """

    end_of_text: int
    bytes: np.ndarray
    files: tuple[Path, ...]


def read_vocabulary(folder: Path) -> Vocabulary:
    """Read a Hugging Face tokenizer's folder.

    Raises
    ------
    RelscaleError
        There is no ``tokenizer.json``, it is not byte-level, or it has no end-of-text token.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise RelscaleError(f"{path}: no such file; make the vocabulary with `relscale tokenize`")
    description = json.loads(path.read_text(encoding="utf-8"))
    if (description.get("decoder") or {}).get("type") != "ByteLevel":
        raise RelscaleError(f"{path}: not a byte-level vocabulary, so its tokens' bytes cannot be counted")
    tokenizer = Tokenizer.from_file(str(path))
    end_of_text = tokenizer.token_to_id(END_OF_TEXT)
    if end_of_text is None:
        raise RelscaleError(f"{path}: no token {END_OF_TEXT!r}")
    # A byte-level token is written with one character a byte.
    tokens = {index: len(token) for token, index in tokenizer.get_vocab(with_added_tokens=True).items()}
    tokens.update({token["id"]: 0 for token in description["added_tokens"] if token["special"]})
    lengths = np.zeros(max(tokens) + 1, dtype=np.int64)
    lengths[list(tokens)] = list(tokens.values())
    return Vocabulary(end_of_text, lengths, tuple(folder / name for name in FILES if (folder / name).is_file()))
