import argparse
import json
import textwrap
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

CONTEXT = 64


def save_checkpoint(folder, seed=0, vocabulary=400, scale=1.0, context=CONTEXT):
    """A random Qwen3 of two layers with a byte-level BPE vocabulary of Python's own documentation."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train([argparse.__file__, textwrap.__file__], trainer)
    end = "<|endoftext|>"
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=end, eos_token=end, pad_token=end
    )
    torch.set_num_threads(1)  # threads that wait for one another are slower, where other work runs beside
    torch.manual_seed(seed)
    config = transformers.Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        intermediate_size=64,
        max_position_embeddings=context,
        tie_word_embeddings=False,
        initializer_range=scale,
    )
    transformers.Qwen3ForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return Path(folder)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return save_checkpoint(tmp_path_factory.mktemp("checkpoint"), scale=0.3)


@pytest.fixture(scope="session")
def make_checkpoint():
    return save_checkpoint


VERBS = [
    "compute",
    "return",
    "estimate",
    "display",
    "collect",
    "remove",
    "append",
    "compare",
    "inspect",
    "measure",
]
NOUNS = [
    "dense matrix",
    "sparse vector",
    "ordered table",
    "directed graph",
    "random forest",
    "time series",
    "open file",
]
ENDS = [
    "of all values",
    "for each row",
    "in the given order",
    "with its edges",
    "from a list of names",
    "by their size",
]


def document_rows():
    """Documents of four packages in two domains; every third module is a test module."""
    rows = []
    for package, group in (("aa", "numerics"), ("bb", "numerics"), ("cc", "learning"), ("dd", "learning")):
        for number in range(len(VERBS) * len(ENDS)):
            verb, end = VERBS[number % len(VERBS)], ENDS[number // len(VERBS)]
            noun = NOUNS[(number + ord(package[0])) % len(NOUNS)]
            module = f"{package}.m{number % 9}"
            name = f"Thing.{verb}_{number}"
            summary = f"{verb.capitalize()} the {noun} {end}, way {number}."
            text = f"{summary}\n\nThe color of the center is normalized by default.\n\n    >>> color = {number}\n"
            rows.append(
                {
                    "id": f"{module}.{name}",
                    "part": "docstrings",
                    "group": group,
                    "package": package,
                    "module": module,
                    "name": name,
                    "signature": f"{verb}_{number}(x, axis=0)",
                    "summary": summary,
                    "text": text,
                    "bytes": len(text.encode()),
                    "split": "test" if number % 3 == 0 else "train",
                }
            )
    return sorted(rows, key=lambda row: row["id"])


@pytest.fixture(scope="session")
def documents(tmp_path_factory):
    path = tmp_path_factory.mktemp("documents") / "documents.parquet"
    pa.parquet.write_table(pa.Table.from_pylist(document_rows()), path)
    return path


@pytest.fixture(scope="session")
def rows_by_id():
    return {row["id"]: row for row in document_rows()}


@pytest.fixture(scope="session")
def read_data():
    return _read_data


def _read_data(folder):
    """The rows of each task of a prepared suite, by the name of its file."""
    return {
        path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted((Path(folder) / "data").glob("*.jsonl"))
    }
