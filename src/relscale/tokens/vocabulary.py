"""The vocabulary: byte-level BPE (Sennrich et al. 2016; Radford et al. 2019), trained on the experiment's text, or
taken from an existing tokenizer.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import ByteLevel as ByteLevelProcessor
from tokenizers.trainers import BpeTrainer

from relscale.corpora.documents import read_documents
from relscale.corpora.hub import read_texts
from relscale.corpora.stream import Stream
from relscale.corpora.streamed import open_stream
from relscale.errors import RelscaleError
from relscale.hub import fetch
from relscale.storage.checksums import check_digests_if_listed, sealed_folder
from relscale.tokens.options import Vocabulary

END_OF_TEXT = "<|endoftext|>"
TOKENIZER_FILE = "tokenizer.json"
SETTINGS_FILE = "tokenizer_config.json"
SPECIAL_FILE = "special_tokens_map.json"


def train_vocabulary(
    parts: Sequence[tuple[Path, str | None]], options: Vocabulary, folder: str | Path, seed: int
) -> None:
    """Train one vocabulary on all corpora and write it as a tokenizer folder for Hugging Face's ``AutoTokenizer``.

    It contains every byte, so that any text can be encoded without unknown tokens. ``<|endoftext|>`` ends a document
    and is also the token for beginning, end and padding.

    Parameters
    ----------
    parts
        A table of documents and a part of it (None: all) for each corpus.
    options
        The config's section ``vocabulary``.
    seed
        Random seed of the sample.

    Raises
    ------
    RelscaleError
        There is too little text for that many tokens, or a corpus has no training text.
    """
    texts = sample_texts(parts, options.sample_bytes, seed)
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=options.size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != options.size:
        raise RelscaleError(
            f"vocabulary.size: the text yields only {tokenizer.get_vocab_size()} of {options.size} tokens; "
            "lower it, raise vocabulary.sample_bytes or add text"
        )
    _save(tokenizer, END_OF_TEXT, folder)


def take_vocabulary(options: Vocabulary, folder: str | Path) -> None:
    """Copy an existing tokenizer as the experiment's vocabulary, for Hugging Face's ``AutoTokenizer``.

    Its end-of-text token ends a document and is also the token for beginning and padding. Nothing is prepended to a
    text, because models are not scored on tokens that they have not seen in training.

    Parameters
    ----------
    options
        The config's section ``vocabulary``, with ``tokenizer`` set.

    Raises
    ------
    RelscaleError
        The tokenizer does not exist, has no revision, has another size or no end-of-text token, or is not byte-level.
    """
    assert options.tokenizer is not None
    source = options.tokenizer
    path = Path(source)
    if not path.exists():
        if options.revision is None:
            raise RelscaleError(
                f"vocabulary.tokenizer: {source} has no revision and is not a folder in {Path.cwd()}; run "
                "`relscale pin CONFIG` where the hub can be reached, or name a folder"
            )
        files = (TOKENIZER_FILE, SETTINGS_FILE, SPECIAL_FILE)
        remedy = "download it where the hub can be reached, or name a folder as vocabulary.tokenizer"
        path = fetch(source, "model", options.revision, files, remedy)
    tokenizer = _read(path)
    size = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    if size != options.size:
        raise RelscaleError(
            f"vocabulary.size: {source} has {size} tokens, not {options.size}; write size: {size}"
        )
    if not isinstance(tokenizer.decoder, ByteLevelDecoder):
        raise RelscaleError(
            f"vocabulary.tokenizer: {source} is not byte-level, so its tokens' bytes cannot be counted"
        )
    end = end_of_text(path)
    if tokenizer.token_to_id(end) is None:
        raise RelscaleError(f"vocabulary.tokenizer: {source} has no token {end!r} to end a document with")
    tokenizer.post_processor = ByteLevelProcessor(trim_offsets=False)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    _save(tokenizer, end, folder)


def _save(tokenizer: Tokenizer, end: str, folder: str | Path) -> None:
    special = {f"{role}_token": end for role in ("bos", "eos", "pad")}
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **special,
    }
    with sealed_folder(folder) as partial:
        tokenizer.save(str(partial / TOKENIZER_FILE))
        for name, content in ((SETTINGS_FILE, settings), (SPECIAL_FILE, special)):
            (partial / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def sample_texts(parts: Sequence[tuple[Path, str | None]], sample_bytes: float, seed: int) -> Iterator[str]:
    """Training texts in a seeded order: an equal part of ``sample_bytes`` from each corpus, or all of its text.

    Of a streamed source, the first texts are taken.

    Raises
    ------
    RelscaleError
        A corpus has no training text.
    """
    for path, part in parts:
        stream = open_stream(path)
        if stream is not None:
            yield from _streamed_texts(stream, sample_bytes / len(parts))
            continue
        table = read_documents(path, part, "train")
        if not table.num_rows:
            raise RelscaleError(f"{path}: no training text{f' of part {part!r}' if part else ''}")
        order = np.random.default_rng(seed).permutation(table.num_rows)
        before = np.cumsum(table["bytes"].to_numpy()[order]) - table["bytes"].to_numpy()[order]
        for position in order[before < sample_bytes / len(parts)]:
            yield table["text"][int(position)].as_py()


def _streamed_texts(stream: Stream, sample_bytes: float) -> Iterator[str]:
    """Training texts of a stream in order, up to a number of bytes."""
    remaining_bytes = sample_bytes
    for file in stream.files:
        for _, text, _ in read_texts(file, stream.text, stream.group):
            if len(text) >= stream.min_characters and stream.split(text) == "train":
                yield text
                remaining_bytes -= len(text.encode())
                if remaining_bytes <= 0:
                    return


def load_vocabulary(folder: str | Path) -> Tokenizer:
    """The tokenizer in a folder, set to encode special tokens that occur in a text as plain text.

    Raises
    ------
    RelscaleError
        There is no ``tokenizer.json``, or it has no end-of-text token.
    """
    tokenizer = _read(Path(folder))
    end_of_text_id(tokenizer, folder)
    tokenizer.encode_special_tokens = True
    return tokenizer


def end_of_text_id(tokenizer: Tokenizer, folder: str | Path) -> int:
    """Id of the end-of-text token of a tokenizer, by the settings in its folder.

    Raises
    ------
    RelscaleError
        The tokenizer has no such token.
    """
    end = end_of_text(folder)
    number: int | None = tokenizer.token_to_id(end)
    if number is None:
        raise RelscaleError(f"{Path(folder) / TOKENIZER_FILE}: no token {end!r}")
    return number


def token_type(tokenizer: Tokenizer) -> np.dtype[Any]:
    """Data type of a stored token: little-endian uint16, or uint32 for a vocabulary above 65,536."""
    return np.dtype("<u2" if tokenizer.get_vocab_size() <= 1 << 16 else "<u4")


def end_of_text(folder: str | Path) -> str:
    """The end-of-text token by the tokenizer's settings; ``<|endoftext|>`` by default.

    Raises
    ------
    RelscaleError
        The settings are not valid JSON.
    """
    for path in (Path(folder) / SETTINGS_FILE, Path(folder) / SPECIAL_FILE):
        if path.is_file():
            try:
                token = json.loads(path.read_text(encoding="utf-8")).get("eos_token")
            except ValueError as error:
                raise RelscaleError(f"{path}: not JSON ({error})") from error
            if token:
                return str(token["content"] if isinstance(token, dict) else token)
    return END_OF_TEXT


def _read(folder: Path) -> Tokenizer:
    path = folder / TOKENIZER_FILE
    if not path.is_file():
        raise RelscaleError(f"{path}: no such file; build the vocabulary with `relscale vocabulary`")
    check_digests_if_listed(folder)
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise RelscaleError(f"{path}: not a tokenizer ({error})") from error
