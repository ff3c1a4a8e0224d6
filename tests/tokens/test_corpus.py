"""Corpora of several parts, of streamed text, and without what is asked in tests."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest

from relscale.corpora.build import build_source
from relscale.corpora.documents import read_documents
from relscale.corpora.options import HubDataset
from relscale.errors import RelscaleError
from relscale.tokens import validation_text
from relscale.tokens.contamination import contaminated, suite_ngrams
from relscale.tokens.corpus import CorpusPart, Decontamination, build_corpus
from relscale.tokens.store import TokenStore
from relscale.tokens.vocabulary import load_vocabulary

QUESTION = "which of these words would nobody ever write down in this very order unless asked to"
ANSWER = "the brown fox of the north and his seven friends"


@pytest.fixture
def web(tmp_path):
    """A streamed source of two files; a document in ten quotes what a test asks."""
    (tmp_path / "web").mkdir()
    for k in range(2):
        texts = [f"web page {k} {n} " * 5 + (QUESTION if n % 10 == 0 else "") for n in range(300)]
        lines = "".join(
            json.dumps({"text": text, "topic": f"t{n % 2}"}) + "\n" for n, text in enumerate(texts)
        )
        (tmp_path / "web" / f"{k}.jsonl").write_text(lines)
    options = {
        "kind": "hub",
        "path": str(tmp_path / "web"),
        "split": "train",
        "group": "topic",
        "held_out": {"validation": 0.1, "test": 0.05},
    }
    build_source(HubDataset(**options), tmp_path / "source", 0, name="web")
    return CorpusPart("web", tmp_path / "source" / "documents.parquet", None, 3.0)


@pytest.fixture
def code(make_documents, tmp_path):
    """A table of documents."""
    splits = ["train"] * 200 + ["validation"] * 20
    texts = [f"def f{k}(): return {k}" for k in range(220)]
    return CorpusPart("code", make_documents(tmp_path / "code.parquet", texts, splits), "code", 1.0)


@pytest.fixture
def suite(tmp_path):
    """A prepared suite that asks one question, and one document whole."""
    folder = tmp_path / "suite"
    folder.mkdir()
    rows = {
        "target": [True, False, True],
        "context": [QUESTION + ":", QUESTION + ":", None],
        "continuation": [" " + ANSWER, " page web 0 1 web page 0 1 web page 0 1", "word " * 40],
    }
    pyarrow.parquet.write_table(pa.table(rows), folder / "requests.parquet")
    return folder


def build(parts, vocabulary, folder, clean=None, seed=0):
    build_corpus(parts, vocabulary, folder, folder.parent / "store", seed, clean)
    return TokenStore.open(folder)


def texts_of(batch, tokenizer):
    return [tokenizer.decode(row.tolist(), skip_special_tokens=False) for row in batch]


def test_a_streamed_corpus_is_read_in_batches_like_any_other(web, vocabulary, tmp_path):
    store = build([web], vocabulary, tmp_path / "tokens")
    length = 16
    blocks = store.blocks(length)
    rows = np.concatenate([store.batch(step, 7, length, seed=1) for step in range(-(-blocks // 7))])[:blocks]
    whole = store.tokens("train")
    expected = [tuple(whole[k * length : (k + 1) * length + 1].tolist()) for k in range(blocks)]
    assert sorted(map(tuple, rows.tolist())) == sorted(expected)
    assert store.manifest.splits["train"].tokens == len(whole)
    assert store.passes(len(whole) // 2) == pytest.approx(0.5, abs=0.01)
    assert store.tokens("validation").tolist()[-1] == store.manifest.end_of_text
    groups = store.manifest.groups
    assert set(groups) == {"t0", "t1"}
    assert sum(group.share for group in groups.values()) == pytest.approx(1)


def test_shards_are_joined_without_a_seam(web, vocabulary, tmp_path, monkeypatch):
    one = build([web], vocabulary, tmp_path / "tokens")
    assert len(one.manifest.parts[0].shards) == 2
    arrays = one.parts[0].train.arrays
    whole = np.concatenate(arrays)
    edge = len(arrays[0])
    assert one.parts[0].train.read(edge - 3, edge + 4).tolist() == whole[edge - 3 : edge + 4].tolist()
    assert one.parts[0].train.read(0, len(whole)).tolist() == whole.tolist()


def test_a_mixture_draws_from_each_part_by_its_weight(web, code, vocabulary, tmp_path):
    store = build([web, code], vocabulary, tmp_path / "tokens")
    tokenizer = load_vocabulary(vocabulary)
    batches = [store.batch(step, 8, 16, seed=0) for step in range(40)]
    for number, batch in enumerate(batches):
        own = ["def" in text or "return" in text for text in texts_of(batch, tokenizer)]
        assert sum(own) == 2, number  # 8 sequences, 3 of 4 from the web
    listed = {part.name: part for part in store.manifest.parts}
    assert {name: part.units for name, part in listed.items()} == {"web": 3, "code/code": 1}
    shares = store.manifest.groups
    assert shares["all"].share == pytest.approx(0.25)  # the code's only group
    assert sum(group.share for group in shares.values()) == pytest.approx(1)
    # Passes are counted by the part that is read most often: the code is short.
    short = listed["code/code"].splits["train"].tokens
    assert store.passes(4 * short) == pytest.approx(1, abs=0.01)
    given = {name: part.validation_tokens for name, part in listed.items()}
    assert sum(given.values()) == len(store.tokens("validation"))
    assert given == {name: part.splits["validation"].tokens for name, part in listed.items()}


def test_validation_text_is_mixed_like_training_text(web, code, vocabulary, tmp_path, monkeypatch):
    monkeypatch.setattr("relscale.tokens.validation_text.PIECE", 8)
    store = build([web, code], vocabulary, tmp_path / "tokens")
    first = store.tokens("validation")[:256].reshape(-1, 8)
    pieces = np.fromfile(Path(store.manifest.parts[1].shards[0]) / "validation.bin", "<u2")
    texts = {tuple(pieces[start : start + 8].tolist()) for start in range(0, 64, 8)}
    assert sum(tuple(row.tolist()) in texts for row in first) == 8  # one in four of 32 pieces


def test_what_another_part_trains_on_is_no_validation_text(make_documents, vocabulary, tmp_path, capsys):
    """One document in three of a part, the last among them, is training text of the other."""
    texts = [f"def f{k}(): return {k}" for k in range(60)]
    first = make_documents(tmp_path / "first.parquet", texts, ["train"] * 30 + ["validation"] * 30)
    copies = [*texts[32::3], *(f"other text {k}" for k in range(40))]
    second = make_documents(
        tmp_path / "second.parquet", copies, ["train"] * (len(copies) - 5) + ["validation"] * 5
    )
    parts = [CorpusPart(name, path, None, 1.0) for name, path in (("first", first), ("second", second))]
    store = build(parts, vocabulary, tmp_path / "tokens")
    read = load_vocabulary(vocabulary).decode(store.validation.tolist(), skip_special_tokens=False)
    found = sorted(filter(None, read.split("<|endoftext|>")))
    assert found == sorted([*(set(texts[30:]) - set(copies)), *copies[-5:]])
    assert "first.parquet: 10 of 30 validation documents are excluded" in capsys.readouterr().err


def test_every_table_of_a_mixture_is_read_as_often_however_many_there_are(
    make_documents, tmp_path, monkeypatch
):
    """One document of each is training text of the next."""
    tables = [
        make_documents(
            tmp_path / f"{k}.parquet",
            [f"{k} is kept", f"{k} is seen", f"{k - 1} is seen"],
            ["validation"] * 2 + ["train"],
        )
        for k in range(5)
    ]
    reads = Counter()

    def counted(path, split):
        reads[path] += 1
        return read_documents(path, split=split)

    monkeypatch.setattr(validation_text, "read_documents", counted)
    found = validation_text._trained_on_elsewhere(tables)
    assert set(reads.values()) == {2}  # once for what is held out, once for training
    texts = {table: read_documents(table) for table in tables}
    seen = {
        table: texts[table].filter(pc.is_in(texts[table]["id"], ids))["text"].to_pylist()
        for table, ids in found.items()
    }
    assert seen == {table: [f"{k} is seen"] for k, table in enumerate(tables[:-1])}


def test_a_mixture_is_the_same_again_and_another_with_other_weights(web, code, vocabulary, tmp_path):
    one = build([web, code], vocabulary, tmp_path / "one")
    again = build([web, code], vocabulary, tmp_path / "again")
    assert one.manifest == again.manifest
    heavier = CorpusPart(code.source, code.documents, code.part, 2.0)
    other = build([web, heavier], vocabulary, tmp_path / "other")
    assert other.manifest.sha256["train"] != one.manifest.sha256["train"]
    assert [part.shards for part in other.manifest.parts] == [
        part.shards for part in one.manifest.parts
    ]  # nothing is made twice


def test_each_part_has_its_share_of_the_tokens_that_a_run_draws(web, vocabulary, tmp_path):
    parts = [replace(web, needed_tokens=3000), replace(web, weight=1.0, needed_tokens=1000)]
    store = build(parts, vocabulary, tmp_path / "tokens")
    assert [len(part.shards) for part in store.manifest.parts] == [1, 1]
    assert store.passes(4000) <= 1


@pytest.mark.slow
def test_documents_that_quote_a_test_are_left_out_and_counted(web, vocabulary, suite, tmp_path):
    tokenizer = load_vocabulary(vocabulary)
    plain = build([web], vocabulary, tmp_path / "plain")
    store = build([web], vocabulary, tmp_path / "clean", clean=Decontamination((suite,), 13))
    before, after = (each.manifest.splits["train"].documents for each in (plain, store))
    left_out = store.manifest.parts[0].left_out["contaminated"]
    assert before - after == left_out > 20
    text = tokenizer.decode(store.tokens("train").tolist())
    assert QUESTION not in text
    assert QUESTION in tokenizer.decode(plain.tokens("train").tolist())
    # Wrong answers are not looked for, nor are runs of more words than were shared.
    assert build(
        [web], vocabulary, tmp_path / "long", clean=Decontamination((suite,), 17)
    ).manifest.splits == (plain.manifest.splits)


def test_documents_of_a_table_are_cleaned_too(make_documents, vocabulary, suite, tmp_path):
    texts = [
        "some text of its own",
        f"before {QUESTION.upper()} after",
        f"in order unless asked to {ANSWER}",
        "more",
    ]
    path = make_documents(tmp_path / "d.parquet", texts, ["train"] * 4)
    part = CorpusPart("own", path, None, 1.0)
    store = build([part], vocabulary, tmp_path / "tokens", clean=Decontamination((suite,), 13))
    assert store.manifest.left_out == {"contaminated": 2}
    assert store.manifest.splits["train"].documents == 2


def test_a_run_of_words_is_found_whatever_stands_around_it(suite):
    known = suite_ngrams([suite], 13)
    words = QUESTION.split()
    assert len(words) == 16
    quoted = [" ".join(words[k : k + 13]) for k in range(4)]
    torn = [" ".join([*words[:12], "else", *words[12:]])]
    found = contaminated([f"x {quote}, y" for quote in quoted] + torn + ["", "word"], known, 13)
    assert found.tolist() == [True] * 4 + [False] * 3


def test_what_is_missing_is_named(web, code, make_documents, vocabulary, suite, tmp_path):
    with pytest.raises(RelscaleError, match="web is streamed and has no part 'code'"):
        build([CorpusPart("web", web.documents, "code", 1.0)], vocabulary, tmp_path / "out")
    with pytest.raises(RelscaleError, match=r"requests\.parquet: no such file; prepare the suite"):
        build([web], vocabulary, tmp_path / "out", clean=Decontamination((tmp_path / "none",), 13))
    bare = make_documents(tmp_path / "bare.parquet", ["text"], ["train"])
    with pytest.raises(RelscaleError, match="corpora: bare, bare: no text for validation"):
        build([CorpusPart("bare", bare, None, 1.0)] * 2, vocabulary, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    store = build([web], vocabulary, tmp_path / "tokens")
    shard = Path(store.manifest.parts[0].shards[0])
    (shard / "train.bin").unlink()
    with pytest.raises(RelscaleError, match=r"train\.bin: damaged \(no such file\); build the store again"):
        TokenStore.open(tmp_path / "tokens")


def test_a_part_with_little_text_is_read_again_and_again(code, vocabulary, tmp_path):
    few = replace(code, unique_tokens=200)
    store = build([few], vocabulary, tmp_path / "few")
    whole = build([code], vocabulary, tmp_path / "whole")
    assert len(store.parts[0].train) == 200
    assert store.parts[0].train.read(0, 200).tolist() == whole.tokens("train")[:200].tolist()
    assert store.passes(1600) == pytest.approx(8)  # as the plan counts
    # Of 200 tokens 9 sequences of 20 and their targets fit; the other 19 are never read.
    assert store.unique_tokens(1600, 20) == 180
    assert store.unique_tokens(150, 20) == 150
    blocks = [store.batch(step, 1, 20, seed=3)[0].tolist() for step in range(18)]
    assert sorted(map(tuple, blocks[:9])) == sorted(map(tuple, blocks[9:]))
    assert len({tuple(block[1:]) for block in blocks}) * 20 == store.unique_tokens(18 * 20, 20)


def test_less_text_is_another_corpus_with_the_same_validation_text(code, vocabulary, tmp_path):
    stores = [
        build([replace(code, unique_tokens=count)], vocabulary, tmp_path / str(count)) for count in (200, 100)
    ]
    assert stores[0].manifest.sha256["train"] != stores[1].manifest.sha256["train"]
    assert stores[0].tokens("validation").tolist() == stores[1].tokens("validation").tolist()


def test_little_text_of_a_stream_is_cut_within_its_shards(web, vocabulary, tmp_path):
    store = build([replace(web, unique_tokens=3000, needed_tokens=1e5)], vocabulary, tmp_path / "few")
    assert len(store.parts[0].train) == 3000


def test_a_part_that_has_less_text_than_is_requested_is_refused(code, vocabulary, tmp_path):
    with pytest.raises(
        RelscaleError, match=r"code/code has [\d,]+ training tokens, fewer than its unique_tokens"
    ):
        build([replace(code, unique_tokens=10**6)], vocabulary, tmp_path / "few")
