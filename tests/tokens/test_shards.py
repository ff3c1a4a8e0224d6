"""Shards: what is in them depends on the text alone, each is made once, and a job that is killed goes on."""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from forks import FORKS

from relscale.corpora.build import build_source
from relscale.corpora.options import HubDataset
from relscale.corpora.streamed import open_stream
from relscale.tokens import shards
from relscale.tokens.shards import Recipe, first_shards, make_shards, read_shard
from relscale.tokens.vocabulary import END_OF_TEXT, load_vocabulary

OPTIONS = {"kind": "hub", "test_documents": 5, "held_out": {"validation": 0.1, "test": 0.1}}


def write_files(folder, files, rows):
    folder.mkdir()
    for k in range(files):
        lines = (f"def f{k}_{n}(x): return x + {n} # naïve λ {k} " * (1 + n % 3) for n in range(rows))
        (folder / f"train-{k}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in lines))


@pytest.fixture
def recipe(vocabulary, tmp_path, monkeypatch):
    """Four files of a few shards each; small chunks, so that a shard has several."""
    monkeypatch.setattr(shards, "CHUNK_CHARACTERS", 2000)
    write_files(tmp_path / "set", 4, 300)
    build_source(HubDataset(**OPTIONS, path=str(tmp_path / "set")), tmp_path / "source", 0, name="web")
    stream = open_stream(tmp_path / "source" / "documents.parquet")
    return Recipe(stream, vocabulary, tmp_path / "store", 0, shard_characters=8000)


def contents(shards):
    return [{path.name: path.read_bytes() for path in sorted(shard.iterdir())} for shard in shards]


@pytest.mark.slow
def test_every_document_of_both_splits_stands_in_one_shard_and_no_other(recipe):
    shards = make_shards(recipe, float("inf"), 1)
    assert len(shards) > 8
    tokenizer = load_vocabulary(recipe.vocabulary)
    end = tokenizer.token_to_id(END_OF_TEXT)
    found = {"train": [], "validation": []}
    for shard in shards:
        record = read_shard(shard)
        index = pyarrow.parquet.read_table(shard / "documents.parquet").to_pylist()
        for split, texts in found.items():
            tokens = np.fromfile(shard / f"{split}.bin", "<u2")
            own = [row for row in index if row["split"] == split]
            assert record.splits[split].tokens == len(tokens) == sum(row["tokens"] for row in own)
            for row in own:
                ids = tokens[row["offset"] : row["offset"] + row["tokens"]]
                assert ids[-1] == end
                texts.append(tokenizer.decode(ids[:-1].tolist()))
                assert row["bytes"] == len(texts[-1].encode())
    texts = [
        json.loads(line)["text"]
        for file in recipe.stream.files
        for line in Path(file.url).read_text().splitlines()
    ]
    for split, those in found.items():
        assert sorted(those) == sorted(text for text in texts if recipe.stream.split(text) == split)
    left_out = sum(read_shard(shard).left_out["test"] for shard in shards)
    assert left_out == sum(recipe.stream.split(text) == "test" for text in texts) > 0
    assert found["train"] != [text for text in texts if recipe.stream.split(text) == "train"]  # shuffled


def test_a_budget_takes_the_shortest_beginning_and_a_larger_one_adds_to_it(recipe):
    folders = recipe.folders()
    few = make_shards(recipe, 3000, 1)
    counts = [read_shard(shard).splits["train"].tokens for shard in few]
    assert sum(counts) >= 3000 > sum(counts[:-1])
    times = {shard: shard.stat().st_mtime_ns for shard in few}
    more = make_shards(recipe, 12_000, 1)
    assert more[: len(few)] == few
    assert {shard: shard.stat().st_mtime_ns for shard in few} == times
    assert first_shards(folders, 3000) == few


def test_what_shards_depend_on_is_in_their_place(recipe, tmp_path):
    first = recipe.stream.files[0]
    changed = [
        replace(recipe, seed=1),
        replace(recipe, shard_characters=9000),
        replace(recipe, stream=replace(recipe.stream, min_characters=50)),
        replace(recipe, stream=replace(recipe.stream, files=(replace(first, content="another revision"),))),
    ]
    assert len({each.folders()[0] for each in (recipe, *changed)}) == 5
    alone = replace(recipe, stream=replace(recipe.stream, files=(first,)))
    assert alone.folders() == recipe.folders()[:1]


def make_all(recipe, processes, rest):
    """All shards, by processes that rest after each: a fast machine would otherwise be done before it is killed."""
    os.setsid()
    write = shards._write

    def write_and_rest(*arguments):
        write(*arguments)
        time.sleep(rest)

    shards._write = write_and_rest
    make_shards(recipe, float("inf"), processes)


@pytest.mark.slow
def test_a_killed_job_goes_on_after_its_whole_shards_with_any_number_of_processes(
    vocabulary, tmp_path, monkeypatch
):
    monkeypatch.setattr(shards, "CHUNK_CHARACTERS", 20_000)
    monkeypatch.setattr(
        shards, "get_context", lambda _: FORKS
    )  # nothing anew is imported; each has one thread
    write_files(tmp_path / "set", 3, 2500)
    build_source(HubDataset(**OPTIONS, path=str(tmp_path / "set")), tmp_path / "source", 0, name="web")
    stream = open_stream(tmp_path / "source" / "documents.parquet")

    def start(store, processes, rest=0.0):
        recipe = Recipe(stream, vocabulary, tmp_path / store, 0, shard_characters=40_000)
        job = FORKS.Process(target=make_all, args=[recipe, processes, rest])
        job.start()
        return job

    def ended(job):
        job.join()
        return job.exitcode

    def whole(store):
        return sorted((tmp_path / store).glob("tokens/*/[0-9]*"))

    assert ended(start("one", 1)) == 0
    for kill in range(2):
        job = start("killed", 2, rest=0.5)
        before = len(whole("killed"))
        while job.is_alive() and len(whole("killed")) < before + 1:
            time.sleep(0.01)
        os.kill(job.pid, signal.SIGKILL)  # the parent alone: its children must end by themselves
        job.join()
        deadline = time.monotonic() + 20
        while _group_alive(job.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _group_alive(job.pid)
        assert kill or whole("killed")
    times = {shard: shard.stat().st_mtime_ns for shard in whole("killed")}
    assert len(times) < len(whole("one"))  # else nothing was left to do
    assert ended(start("killed", 3)) == 0
    assert {shard: shard.stat().st_mtime_ns for shard in times} == times
    assert [shard.relative_to(tmp_path / "one") for shard in whole("one")] == [
        shard.relative_to(tmp_path / "killed") for shard in whole("killed")
    ]
    assert contents(whole("one")) == contents(whole("killed"))
    assert not list((tmp_path / "killed").glob("tokens/*/.*"))


def _group_alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
