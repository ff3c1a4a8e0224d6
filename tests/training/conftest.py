"""A small corpus as a token store, and runs short enough to train in a second."""

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import register_random
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from relscale.design.recipes.laptop import architecture, hyperparameters
from relscale.design.run import Run
from relscale.storage.checksums import seal

END = "<|endoftext|>"
VOCABULARY = 300
SEQUENCE = 32


class TorchRandom:
    """torch's generator as Hypothesis wants one: seeded before each example, so that a failure can be repeated."""

    def __init__(self, torch):
        self.seed, self.getstate, self.setstate = torch.manual_seed, torch.get_rng_state, torch.set_rng_state


def pytest_collection_finish(session):
    if torch := sys.modules.get("torch"):  # some test of these imports it, which takes seconds
        session.torch_random = TorchRandom(torch)  # Hypothesis keeps no more than a weak reference
        register_random(session.torch_random)


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory) -> Path:
    """A byte-level tokenizer of 300 tokens."""
    folder = tmp_path_factory.mktemp("vocabulary")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(documents(), trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "bos_token": END,
        "pad_token": END,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="session")
def tokens(tmp_path_factory, vocabulary) -> Path:
    """The documents as a token store, every tenth of them for validation."""
    folder = tmp_path_factory.mktemp("tokens")
    tokenizer = Tokenizer.from_file(str(vocabulary / "tokenizer.json"))
    end = tokenizer.token_to_id(END)
    parts: dict[str, list[int]] = {"train": [], "validation": []}
    for number, text in enumerate(documents()):
        parts["train" if number % 10 else "validation"] += [*tokenizer.encode(text).ids, end]
    sums = {}
    for split, ids in parts.items():
        data = np.array(ids, dtype="<u2").tobytes()
        (folder / f"{split}.bin").write_bytes(data)
        sums[split] = hashlib.sha256(data).hexdigest()
    manifest = {
        "vocabulary_size": VOCABULARY,
        "end_of_text": end,
        "dtype": "<u2",
        "seed": 0,
        "splits": {},
        "groups": {},
        "sha256": sums,
        "vocabulary": "v",
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    seal(folder)
    return folder


def documents() -> list[str]:
    """Sums, spelt out; a few signs of two and three bytes among them."""
    numbers = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    return [
        f"{numbers[a]} plus {numbers[b]} — café — is {numbers[a + b] if a + b <= 10 else 'more than ten'}.\n"
        * 3
        for a in range(11)
        for b in range(11)
    ] * 3


@pytest.fixture(scope="session")
def run() -> Run:
    """Forty steps of a model of width 16."""
    a = architecture(16, SEQUENCE, VOCABULARY)
    return Run("sums", 1e9, 0, a, 4, 40, hyperparameters("c-adamc", a, 4))


@pytest.fixture
def diverging(run) -> Run:
    """The same at a learning rate that no model survives."""
    return replace(run, seed=7, hyperparameters=replace(run.hyperparameters, learning_rate=1e4))
