"""Files as the hub serves them: every row is read once, whatever the format; its text alone says if it is held out."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet
import pytest
import zstandard

from relscale.corpora.build import build_source
from relscale.corpora.documents import read_documents
from relscale.corpora.hub import TextFile, find_files, read_texts
from relscale.corpora.options import HubDataset
from relscale.corpora.streamed import open_stream
from relscale.errors import RelscaleError

ROWS = [{"text": f"row {k}", "kind": "ab"[k % 2], "more": {"x": k} if k < 500 else "y"} for k in range(1000)]
LINES = [json.dumps(row).encode() + b"\n" for row in ROWS]


def parquet(path):
    table = pa.table({"text": [row["text"] for row in ROWS], "kind": [row["kind"] for row in ROWS]})
    pyarrow.parquet.write_table(table, path, row_group_size=100)


WRITERS = {
    "a.parquet": parquet,
    "a.jsonl": lambda path: path.write_bytes(b"".join(LINES)),
    "a.jsonl.gz": lambda path: path.write_bytes(gzip.compress(b"".join(LINES))),
    "a.json.zst": lambda path: path.write_bytes(  # of two frames
        zstandard.compress(b"".join(LINES[:300])) + zstandard.compress(b"".join(LINES[300:]))
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_row_is_read_in_order_from_any_row_on(name, tmp_path):
    path = tmp_path / name
    WRITERS[name](path)
    file = TextFile(name, str(path), "")
    rows = list(read_texts(file, "text", "kind"))
    assert [(row.row, row.text, row.group) for row in rows] == [
        (k, row["text"], row["kind"]) for k, row in enumerate(ROWS)
    ]
    assert list(read_texts(file, "text", "kind", start=777)) == rows[777:]
    assert {row.group for row in read_texts(file, "text", None)} == {"all"}
    with pytest.raises(RelscaleError, match="no column 'body'; it has text, kind"):
        list(read_texts(file, "body", None))


@pytest.mark.parametrize("cell", [1, ["a"], {"a": "b"}, b"bytes"])
def test_what_is_not_text_is_not_made_text(tmp_path, cell):
    table = tmp_path / "table.parquet"
    pyarrow.parquet.write_table(pa.table({"text": [cell], "words": ["some"]}), table)
    paths = [table]
    if not isinstance(cell, bytes):
        paths.append(tmp_path / "lines.jsonl")
        paths[1].write_text(json.dumps({"text": cell, "words": "some"}) + "\n")
    for path in paths:
        file = TextFile(path.name, str(path), "")
        with pytest.raises(RelscaleError, match=rf"{path.name}, row 1: 'text' is .*, not text"):
            list(read_texts(file, "text", None))
        if isinstance(cell, list | dict | bytes):
            with pytest.raises(RelscaleError, match=rf"{path.name}, row 1: 'text' is .*, not a name"):
                list(read_texts(file, "words", "text"))


@pytest.mark.parametrize("rows", [1, 2000])
def test_a_domain_that_no_row_names_is_an_error(tmp_path, rows):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "words"}\n' * rows)
    with pytest.raises(RelscaleError, match="no column 'domain'; it has text"):
        list(read_texts(TextFile(path.name, str(path), ""), "text", "domain"))
    path.write_text('{"text": "words"}\n' + '{"text": "words", "domain": "web"}\n' * rows)
    read = list(read_texts(TextFile(path.name, str(path), ""), "text", "domain"))
    assert [row.group for row in read] == ["all"] + ["web"] * rows


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_rows_lacks_no_column(tmp_path, content):
    """As among the files of a data set that some filter left empty."""
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    assert list(read_texts(TextFile(path.name, str(path), ""), "text", "domain")) == []


def test_half_of_a_surrogate_pair_is_not_text(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "words"}\n{"text": "\\ud800"}\n')
    with pytest.raises(RelscaleError, match=r"a\.jsonl, line 2: not JSON \(half of a surrogate pair"):
        list(read_texts(TextFile(path.name, str(path), ""), "text", None))


def test_a_file_that_is_cut_off_is_named(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(LINES))[:-100])
    with pytest.raises(RelscaleError, match=r"a\.jsonl\.gz: cannot be read") as error:
        list(read_texts(TextFile("a.jsonl.gz", str(path), ""), "text", None))
    assert "\n" not in str(error.value)


@pytest.fixture
def folder(tmp_path):
    """A data set of five files and a sixth for tests."""
    data = tmp_path / "set" / "data"
    data.mkdir(parents=True)
    for k in range(5):
        text = "".join(json.dumps({"text": f"file {k} row {n}"}) + "\n" for n in range(400))
        (data / f"train-{k}.jsonl").write_text(text)
    (data / "test-0.jsonl").write_text(json.dumps({"text": "tested"}) + "\n")
    return tmp_path / "set"


def options(folder, **changes):
    return HubDataset(kind="hub", path=str(folder), **changes)


def test_the_order_of_files_depends_on_the_seed_and_one_more_moves_none(folder):
    def order(seed):
        return [file.name for file in find_files(options(folder), "web", seed)]

    first = order(0)
    assert sorted(first) == [f"data/train-{k}.jsonl" for k in range(5)]
    assert any(order(seed) != first for seed in (1, 2, 3))
    (folder / "data" / "train-9.jsonl").write_text(json.dumps({"text": "x"}) + "\n")
    assert [name for name in order(0) if "9" not in name] == first


def test_files_may_be_chosen_and_splits_are_the_data_sets_own(folder):
    chosen = find_files(options(folder, data_files="data/*-[12].jsonl"), "web", 0)
    assert sorted(file.name for file in chosen) == ["data/train-1.jsonl", "data/train-2.jsonl"]
    assert [file.name for file in find_files(options(folder, split="test"), "web", 0)] == [
        "data/test-0.jsonl"
    ]
    with pytest.raises(RelscaleError, match=r"sources\.web: .* has no split 'dev'; it has"):
        find_files(options(folder, split="dev"), "web", 0)


def test_a_source_on_the_hub_is_refused_without_a_revision_and_without_a_hub(tmp_path, monkeypatch):
    import huggingface_hub

    def refuse(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", refuse)
    with pytest.raises(RelscaleError, match=r"org/text has no revision .*relscale pin CONFIG"):
        build_source(options("org/text"), tmp_path / "out", 0, name="web")
    with pytest.raises(RelscaleError, match="cannot read the data set org/text at revision aaaa") as error:
        build_source(options("org/text", revision="a" * 40), tmp_path / "out", 0, name="web")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_what_is_held_out_becomes_documents_and_copies_share_a_split(folder, tmp_path):
    build_source(options(folder, test_documents=30), tmp_path / "out", 0, name="web")
    table = read_documents(tmp_path / "out" / "documents.parquet")
    assert table.num_rows > 10
    assert set(table["split"].to_pylist()) == {"test"}
    stream = open_stream(tmp_path / "out" / "documents.parquet")
    assert {stream.split(text) for text in table["text"].to_pylist()} == {"test"}
    splits = [stream.split(f"text {k}") for k in range(20_000)]
    assert splits.count("test") / 20_000 == pytest.approx(0.01, abs=0.003)
    assert splits.count("validation") / 20_000 == pytest.approx(0.002, abs=0.0015)
    build_source(options(folder, test_documents=3), tmp_path / "few", 0, name="web")
    assert read_documents(tmp_path / "few" / "documents.parquet").num_rows == 3
    with pytest.raises(RelscaleError, match=r"sources\.web: no document is left for training"):
        build_source(options(folder, held_out={"test": 1.0}), tmp_path / "none", 0, name="web")


def test_of_copies_one_is_a_test_document(folder, tmp_path):
    before = (folder / "data" / "train-0.jsonl").read_text()
    (folder / "data" / "train-0.jsonl").write_text(before * 3)
    build_source(options(folder, held_out={"test": 0.5}), tmp_path / "out", 0, name="web")
    texts = read_documents(tmp_path / "out" / "documents.parquet")["text"].to_pylist()
    assert len(texts) > 500
    assert len(set(texts)) == len(texts)
