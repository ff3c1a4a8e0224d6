"""A byte-level BPE vocabulary, trained on the text that models will be trained on."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from relscale.atomic import atomic_path
from relscale.corpora.documents import read_documents
from relscale.errors import RelscaleError

END_OF_TEXT = "<|endoftext|>"


def train_vocabulary(
    corpora: Sequence[tuple[Path, str | None]], options: dict[str, Any], folder: str | Path, seed: int
) -> None:
    """Train one vocabulary for all corpora and write it as a Hugging Face tokenizer's folder.

    Every corpus gives an equal part of the sample, so that no corpus is cut into more tokens for being the smaller.

    Parameters
    ----------
    corpora
        Tables of documents, and the part of each that is a corpus; only their training split is read.
    options
        The config's section ``vocabulary``: ``size`` counts all tokens, the 256 bytes and the end-of-text token among
        them; ``sample_bytes`` is the size of the sample.
    folder
        Gets ``tokenizer.json`` and ``tokenizer_config.json``.
    seed
        Of the sample.

    Raises
    ------
    RelscaleError
        The text is too little for a vocabulary of that size.
    """
    share = options["sample_bytes"] / len(corpora)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        (text for path, part in corpora for text in _sample(path, part, share, seed)),
        trainers.BpeTrainer(
            vocab_size=options["size"],
            special_tokens=[END_OF_TEXT],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    if tokenizer.get_vocab_size() < options["size"]:
        raise RelscaleError(
            f"vocabulary.size: the corpora give {tokenizer.get_vocab_size()} tokens, not {options['size']}; "
            "lower it or bring more text"
        )
    folder = Path(folder)
    with atomic_path(folder) as partial:
        partial.mkdir()
        tokenizer.save(str(partial / "tokenizer.json"))
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
        settings |= {f"{role}_token": END_OF_TEXT for role in ("bos", "eos", "pad")}
        (partial / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _sample(path: Path, part: str | None, sample_bytes: float, seed: int) -> Iterator[str]:
    """Training documents in a seeded order, until there are enough bytes."""
    table = read_documents(path, part, "train")
    order = np.random.default_rng(seed).permutation(table.num_rows)
    return _up_to(sample_bytes, table.select(["text", "bytes"]).take(order).to_pylist())


def _up_to(sample_bytes: float, rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    taken = 0
    for row in rows:
        if taken >= sample_bytes:
            return
        taken += row["bytes"]
        yield row["text"]
