import json
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from relscale.errors import RelscaleError
from relscale.tokens.options import Vocabulary
from relscale.tokens.vocabulary import (
    END_OF_TEXT,
    end_of_text,
    load_vocabulary,
    sample_texts,
    take_vocabulary,
    train_vocabulary,
)


@pytest.mark.slow
@settings(deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_is_encoded_without_loss(vocabulary, text):
    tokenizer = load_vocabulary(vocabulary)
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_the_vocabulary_has_the_requested_size_and_one_special_token(vocabulary):
    tokenizer = load_vocabulary(vocabulary)
    assert tokenizer.get_vocab_size() == 300
    special = [token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special]
    assert special == [END_OF_TEXT]


def test_an_end_of_text_that_is_written_out_is_text(vocabulary):
    tokenizer = load_vocabulary(vocabulary)
    ids = tokenizer.encode(f"a{END_OF_TEXT}b").ids
    assert tokenizer.token_to_id(END_OF_TEXT) not in ids
    assert tokenizer.decode(ids) == f"a{END_OF_TEXT}b"


@pytest.mark.slow
def test_another_process_with_another_number_of_threads_makes_the_same_file(
    vocabulary, tmp_path, make_documents
):
    program = (
        "import sys; from pathlib import Path; from relscale.tokens.vocabulary import train_vocabulary\n"
        "from relscale.tokens.options import Vocabulary\n"
        "train_vocabulary([(Path(sys.argv[1]), None)], Vocabulary(size=300, sample_bytes=1e6), sys.argv[2], seed=0)"
    )
    subprocess.run(
        [
            sys.executable,
            "-c",
            program,
            str(vocabulary.parent / "documents.parquet"),
            str(tmp_path / "words"),
        ],
        check=True,
        env={**os.environ, "RAYON_NUM_THREADS": "1", "PYTHONHASHSEED": "7"},
    )
    one, other = (folder / "tokenizer.json" for folder in (vocabulary, tmp_path / "words"))
    assert one.read_bytes() == other.read_bytes()


def test_corpora_give_equal_parts_of_the_sample_and_training_text_only(tmp_path, make_documents):
    big = make_documents(tmp_path / "big.parquet", [f"big {k:06}" for k in range(500)], ["train"] * 500)
    small = make_documents(
        tmp_path / "small.parquet", [f"tiny {k:05}" for k in range(200)], ["train"] * 150 + ["test"] * 50
    )
    parts = [(big, None), (small, None)]
    texts = list(sample_texts(parts, 2000, seed=0))
    assert [sum(text.startswith(name) for text in texts) for name in ("big", "tiny")] == [100, 100]
    assert len(set(texts)) == 200
    assert max(text for text in texts if text.startswith("tiny")) < "tiny 00150"
    assert set(texts) != set(sample_texts(parts, 2000, seed=1))
    whole = list(sample_texts(parts, 1e9, seed=0))
    assert len(whole) == 500 + 150


def test_a_text_too_small_for_the_vocabulary_is_refused(tmp_path, make_documents):
    documents = make_documents(tmp_path / "d.parquet", ["ab ab"], ["train"])
    with pytest.raises(RelscaleError, match=r"yields only 2\d\d of 5000 tokens"):
        train_vocabulary([(documents, None)], Vocabulary(size=5000, sample_bytes=1e6), tmp_path / "v", seed=0)
    assert not (tmp_path / "v").exists()
    held_out = make_documents(tmp_path / "t.parquet", ["ab ab"], ["test"])
    with pytest.raises(RelscaleError, match="no training text"):
        train_vocabulary([(held_out, None)], Vocabulary(size=300, sample_bytes=1e6), tmp_path / "v", seed=0)


@pytest.mark.slow
def test_transformers_reads_the_folder(vocabulary):
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(vocabulary, local_files_only=True)
    ours = load_vocabulary(vocabulary)
    text = " A naïve  text\n\twith λ , and 'quotes' ."
    assert theirs.encode(text) == ours.encode(text).ids
    assert theirs.decode(theirs.encode(text)) == text
    assert theirs.eos_token == theirs.bos_token == theirs.pad_token == END_OF_TEXT
    assert len(theirs) == ours.get_vocab_size()


@pytest.fixture
def foreign(vocabulary, tmp_path):
    """A tokenizer as others publish it: tokens of its own for beginning and end, the first put before every text."""
    tokenizer = Tokenizer.from_file(str(vocabulary / "tokenizer.json"))
    tokenizer.add_special_tokens(["<|begin|>", "<|end|>"])
    tokenizer.post_processor = TemplateProcessing(single="<|begin|> $A", special_tokens=[("<|begin|>", 300)])
    folder = tmp_path / "foreign"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"bos_token": "<|begin|>", "eos_token": {"content": "<|end|>"}}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def test_an_existing_tokenizer_ends_documents_with_its_own_token_and_begins_them_with_none(foreign, tmp_path):
    take_vocabulary(Vocabulary(tokenizer=str(foreign), size=302), tmp_path / "words")
    assert end_of_text(tmp_path / "words") == "<|end|>"
    ours, theirs = load_vocabulary(tmp_path / "words"), load_vocabulary(foreign)
    text = "def f(x): <|end|> naïve λ"
    assert ours.encode(text).ids == theirs.encode(text, add_special_tokens=False).ids
    assert ours.token_to_id("<|end|>") not in ours.encode(text).ids


def test_an_existing_tokenizer_must_be_what_the_plan_counts_on(foreign, tmp_path):
    for options, message in (
        (Vocabulary(tokenizer=str(foreign), size=400), "has 302 tokens, not 400; write size: 302"),
        (Vocabulary(tokenizer="org/words", size=302), "org/words has no revision and is not a folder"),
    ):
        with pytest.raises(RelscaleError, match=message):
            take_vocabulary(options, tmp_path / "words")
    description = json.loads((foreign / "tokenizer.json").read_text())
    (foreign / "tokenizer.json").write_text(json.dumps(description | {"decoder": None}))
    with pytest.raises(RelscaleError, match="not byte-level"):
        take_vocabulary(Vocabulary(tokenizer=str(foreign), size=302), tmp_path / "words")
    assert not (tmp_path / "words").exists()
