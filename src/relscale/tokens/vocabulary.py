"""The vocabulary: byte-level BPE (Sennrich et al. 2016; Radford et al. 2019), trained on the experiment's own text."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from relscale.atomic import atomic_path
from relscale.corpora.documents import read_documents
from relscale.errors import RelscaleError

END_OF_TEXT = "<|endoftext|>"
TOKENIZER_FILE = "tokenizer.json"


def train_vocabulary(
    parts: Sequence[tuple[Path, str | None]], options: Mapping[str, Any], folder: str | Path, seed: int
) -> None:
    """Train one vocabulary on all corpora and write it as a tokenizer's folder for Hugging Face's ``AutoTokenizer``.

    Every byte is in the vocabulary, so that any text can be encoded and no token is unknown. ``<|endoftext|>`` ends a
    document; it is the token for beginning, end and padding too.

    Parameters
    ----------
    parts
        A table of documents and a part of it (None: all) for each corpus.
    options
        The config's ``vocabulary``: ``size``, end-of-text included, and ``sample_bytes``, the training text that is
        read, in equal parts from the corpora.
    seed
        Of the sample.

    Raises
    ------
    RelscaleError
        The text is too small to give so many tokens, or a corpus has no text to train on.
    """
    texts = sample_texts(parts, options["sample_bytes"], seed)
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=options["size"],
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != options["size"]:
        raise RelscaleError(
            f"vocabulary.size: the text gives only {tokenizer.get_vocab_size()} tokens of {options['size']}; "
            "lower it, raise vocabulary.sample_bytes or add text"
        )
    special = {f"{role}_token": END_OF_TEXT for role in ("bos", "eos", "pad")}
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **special,
    }
    with atomic_path(folder) as partial:
        partial.mkdir()
        tokenizer.save(str(partial / TOKENIZER_FILE))
        for name, content in (("tokenizer_config.json", settings), ("special_tokens_map.json", special)):
            (partial / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def sample_texts(parts: Sequence[tuple[Path, str | None]], sample_bytes: float, seed: int) -> Iterator[str]:
    """Training texts in a seeded order, until each corpus has given an equal part of ``sample_bytes``, or all it has.

    Raises
    ------
    RelscaleError
        A corpus has no training text.
    """
    for path, part in parts:
        table = read_documents(path, part, "train")
        if not table.num_rows:
            raise RelscaleError(f"{path}: no training text{f' of part {part!r}' if part else ''}")
        order = np.random.default_rng(seed).permutation(table.num_rows)
        before = np.cumsum(table["bytes"].to_numpy()[order]) - table["bytes"].to_numpy()[order]
        for position in order[before < sample_bytes / len(parts)]:
            yield table["text"][int(position)].as_py()


def load_vocabulary(folder: str | Path) -> Tokenizer:
    """The tokenizer in a folder, set to encode text as text: an end-of-text that is written out in it is no token.

    Raises
    ------
    RelscaleError
        There is no ``tokenizer.json``, or it has no end-of-text token.
    """
    path = Path(folder) / TOKENIZER_FILE
    if not path.is_file():
        raise RelscaleError(f"{path}: no such file; make the vocabulary with `relscale tokenize`")
    tokenizer = Tokenizer.from_file(str(path))
    if tokenizer.token_to_id(END_OF_TEXT) is None:
        raise RelscaleError(f"{path}: no token {END_OF_TEXT!r}")
    tokenizer.encode_special_tokens = True
    return tokenizer
