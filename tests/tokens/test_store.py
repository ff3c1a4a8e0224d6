"""The token store loses nothing; its batches depend on their arguments alone and take every block once a pass."""

import hashlib
import json

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from relscale.errors import RelscaleError
from relscale.storage.checksums import seal
from relscale.tokens.build import build_store
from relscale.tokens.manifest import STORE_FILE, StoreManifest
from relscale.tokens.store import TokenStore
from relscale.tokens.vocabulary import END_OF_TEXT, load_vocabulary

SPLITS = ("train", "validation", "test")
relaxed = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

documents = st.lists(
    st.tuples(st.text(max_size=30), st.sampled_from(SPLITS), st.sampled_from(["x", "y"])), max_size=12
)


def store_of(tokens, folder, dtype="<u2"):
    """A store of the given training tokens."""
    folder.mkdir(exist_ok=True)
    np.asarray(tokens, dtype).tofile(folder / "train.bin")
    np.asarray([], dtype).tofile(folder / "validation.bin")
    StoreManifest(
        vocabulary_size=0,
        end_of_text=0,
        dtype=dtype,
        seed=0,
        splits={},
        groups={},
        vocabulary="",
        sha256={},
    ).write(folder / STORE_FILE)
    seal(folder)
    return TokenStore.open(folder)


@pytest.mark.slow
@relaxed
@given(rows=documents, seed=st.integers(0, 3))
def test_every_document_stands_whole_in_its_split(rows, seed, vocabulary, make_documents, tmp_path):
    rows = [("first", "train", "x"), *rows]
    texts, splits, groups = zip(*rows, strict=True)
    path = make_documents(tmp_path / "documents.parquet", texts, splits, groups)
    build_store(path, "code", vocabulary, tmp_path / "store", seed)
    store = TokenStore.open(tmp_path / "store")
    index = pyarrow.parquet.read_table(tmp_path / "store" / "documents.parquet").to_pylist()
    tokenizer = load_vocabulary(vocabulary)
    end = tokenizer.token_to_id(END_OF_TEXT)
    assert len(index) == sum(split != "test" for split in splits)
    for split in ("train", "validation"):
        tokens = store.tokens(split)
        place = 0
        for order, entry in enumerate(entry for entry in index if entry["split"] == split):
            number = int(entry["id"])
            own = tokens[place : place + entry["tokens"]]
            assert (entry["order"], entry["offset"], entry["group"]) == (order, place, groups[number])
            assert (splits[number], entry["bytes"]) == (split, len(texts[number].encode()))
            assert own[-1] == end
            assert end not in own[:-1]
            assert tokenizer.decode(own[:-1].tolist()) == texts[number]
            place += entry["tokens"]
        assert place == len(tokens)
        assert store.manifest.splits[split].tokens == place
        assert store.manifest.sha256[split] == hashlib.sha256(tokens.tobytes()).hexdigest()
    shares = store.manifest.groups
    assert sum(group.share for group in shares.values()) == pytest.approx(1)
    for name, group in shares.items():
        own = [entry for entry in index if entry["split"] == "train" and entry["group"] == name]
        assert group.tokens == sum(entry["tokens"] for entry in own)
        assert group.bytes == sum(entry["bytes"] for entry in own)
        assert group.documents == len(own)


def test_the_store_is_the_same_whatever_is_encoded_at_a_time(
    vocabulary, make_documents, tmp_path, monkeypatch
):
    texts = [f"text {k} " * (k % 7) for k in range(100)]
    path = make_documents(tmp_path / "documents.parquet", texts, ["train"] * 100)
    build_store(path, None, vocabulary, tmp_path / "one", seed=0)
    monkeypatch.setattr("relscale.tokens.build.CHUNK_CHARACTERS", 50)
    build_store(path, None, vocabulary, tmp_path / "other", seed=0)
    build_store(path, None, vocabulary, tmp_path / "shuffled", seed=1)
    one, other, shuffled = (TokenStore.open(tmp_path / name) for name in ("one", "other", "shuffled"))
    assert one.manifest == other.manifest
    assert one.manifest.sha256 != shuffled.manifest.sha256
    assert sorted(one.tokens("train")) == sorted(shuffled.tokens("train"))


@pytest.mark.slow
@relaxed
@given(
    blocks=st.integers(1, 40),
    tail=st.integers(1, 5),
    length=st.integers(1, 8),
    batch_size=st.integers(1, 50),
    seed=st.integers(0, 3),
)
def test_each_pass_takes_every_block_once(blocks, tail, length, batch_size, seed, tmp_path):
    tokens = np.arange(blocks * length + min(tail, length))  # every token is its own position
    store = store_of(tokens, tmp_path / "store")
    assert store.blocks(length) == blocks
    passes = 3
    steps = -(-passes * blocks // batch_size)
    rows = np.concatenate([store.batch(step, batch_size, length, seed=seed) for step in range(steps)])
    assert rows.dtype == np.int64
    np.testing.assert_array_equal(rows, rows[:, :1] + np.arange(length + 1))  # runs of consecutive tokens
    for number in range(passes):
        starts = rows[number * blocks : (number + 1) * blocks, 0]
        assert sorted(starts) == [block * length for block in range(blocks)]


@pytest.mark.slow
@relaxed
@given(step=st.integers(0, 300), batch_size=st.integers(1, 16), devices=st.sampled_from([1, 2, 4]))
def test_a_batch_does_not_depend_on_what_was_read_before(step, batch_size, devices, tmp_path):
    store = store_of(np.arange(1001), tmp_path / "store")
    fresh = TokenStore.open(tmp_path / "store")
    for earlier in range(3):
        store.batch(earlier, 5, 7, seed=9)
    whole = store.batch(step, batch_size * devices, 10, seed=1)
    np.testing.assert_array_equal(whole, fresh.batch(step, batch_size * devices, 10, seed=1))
    # The same sequences in the same order, were they taken in smaller batches.
    parts = [store.batch(step * devices + k, batch_size, 10, seed=1) for k in range(devices)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_seeds_and_passes_differ_in_order(tmp_path):
    store = store_of(np.arange(501), tmp_path / "store")
    order = {seed: store.batch(0, 100, 5, seed=seed)[:, 0].tolist() for seed in (0, 1)}
    second = store.batch(1, 100, 5, seed=0)[:, 0].tolist()
    assert order[0] != order[1]
    assert order[0] != second
    assert order[0] != sorted(order[0])


def test_a_split_shorter_than_a_sequence_is_refused(tmp_path):
    store = store_of(np.arange(8), tmp_path / "store")
    assert store.batch(0, 1, 7).tolist() == [list(range(8))]
    with pytest.raises(RelscaleError, match="8 tokens of train text, fewer than one sequence of 8"):
        store.batch(0, 1, 8)
    with pytest.raises(RelscaleError, match="0 tokens of validation text"):
        store.batch(0, 1, 8, split="validation")


@pytest.mark.slow
def test_large_vocabularies_take_four_bytes_a_token(tmp_path, make_documents, monkeypatch):
    large = Tokenizer.from_str(
        json.dumps(
            {
                "version": "1.0",
                "added_tokens": [],
                "model": {
                    "type": "WordLevel",
                    "vocab": {f"w{k}": k for k in range(70_000)},
                    "unk_token": "w0",
                },
                "pre_tokenizer": {"type": "Whitespace"},
            }
        )
    )
    large.add_special_tokens([END_OF_TEXT])
    (tmp_path / "words").mkdir()
    large.save(str(tmp_path / "words" / "tokenizer.json"))
    path = make_documents(tmp_path / "documents.parquet", ["w1 w69999 w65536"], ["train"])
    build_store(path, None, tmp_path / "words", tmp_path / "store", seed=0)
    store = TokenStore.open(tmp_path / "store")
    assert store.manifest.dtype == "<u4"
    assert store.tokens("train").tolist() == [1, 69999, 65536, 70000]


def test_what_is_missing_is_named_and_nothing_is_left(vocabulary, make_documents, tmp_path):
    held_out = make_documents(tmp_path / "documents.parquet", ["text"], ["test"])
    with pytest.raises(RelscaleError, match="no training text of part 'code'"):
        build_store(held_out, "code", vocabulary, tmp_path / "out" / "store", seed=0)
    with pytest.raises(RelscaleError, match="no documents of part 'prose'; its parts: code"):
        build_store(held_out, "prose", vocabulary, tmp_path / "out" / "store", seed=0)
    with pytest.raises(RelscaleError, match=r"tokenizer\.json: no such file"):
        build_store(held_out, "code", tmp_path, tmp_path / "out" / "store", seed=0)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    with pytest.raises(RelscaleError, match="no token store; build it with `relscale tokenize`"):
        TokenStore.open(tmp_path / "out")
