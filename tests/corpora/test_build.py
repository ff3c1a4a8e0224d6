"""Sources of text, end to end: a small package that is installed nowhere, and folders of files."""

import bz2
import gzip
import json
import lzma
import os
import random

import pyarrow as pa
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from relscale.corpora.build import build_source
from relscale.corpora.documents import SCHEMA, Document, documents_table, read_documents
from relscale.corpora.files import read_folder
from relscale.corpora.installed import package_versions, site_folders, source_files
from relscale.corpora.options import SOURCE, TextFiles
from relscale.errors import RelscaleError


def prose(seed, length=40):
    """Words that no other seed shares."""
    return " ".join(random.Random(seed).choices([f"{seed}word{k}" for k in range(60)], k=length))


def module_source(name):
    return (
        f'"""{prose(name + "module")}"""\n\n'
        f'def f_{name}(x, y=1):\n    """{prose(name + "function")}"""\n'
        f"    # {prose(name + 'comment')}\n    return x\n"
    )


@pytest.fixture
def site(tmp_path):
    """A folder of two packages and a module, with tests, a file that does not parse, and the metadata of one."""
    for package, modules in {"alpha": 30, "beta": 10}.items():
        (tmp_path / package / "sub" / "tests").mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text(module_source(package))
        for k in range(modules):
            (tmp_path / package / "sub" / f"m{k}.py").write_text(module_source(f"{package}{k}"))
        (tmp_path / package / "sub" / "tests" / "test_m.py").write_text(module_source(f"{package}test"))
    (tmp_path / "beta" / "broken.py").write_text("def (:\n")
    (tmp_path / "gamma.py").write_text(module_source("gamma"))
    info = tmp_path / "Alpha_Project-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Alpha-Project\nVersion: 2.5\n")
    (info / "RECORD").write_text("alpha/__init__.py,,\nalpha/sub/m0.py,,\n")
    return tmp_path


def options(site, **changes):
    given = {
        "kind": "installed",
        "groups": {"letters": ["alpha"], "others": ["beta", "gamma"]},
        "paths": [str(site)],
        "min_characters": 20,
        "split": {"validation": 0.2, "test": 0.3},
        **changes,
    }
    return SOURCE.validate_python(given if given["kind"] == "installed" else changes)


def build(settings_, folder, seed=0, workers=1):
    build_source(settings_, folder, seed, workers)
    return read_documents(folder / "documents.parquet"), json.loads((folder / "manifest.json").read_text())


def test_a_package_becomes_documents_of_both_parts(site, tmp_path):
    table, manifest = build(options(site), tmp_path / "out")
    rows = {row["id"]: row for row in table.to_pylist()}
    assert list(rows) == sorted(rows)
    assert table.schema.equals(SCHEMA)
    assert table.num_rows == 3 * (31 + 11 + 1)
    function = rows["alpha.sub.m3.f_alpha3"]
    assert function["text"] == prose("alpha3function")
    assert (function["part"], function["group"], function["package"]) == ("docstrings", "letters", "alpha")
    assert (function["module"], function["name"]) == ("alpha.sub.m3", "f_alpha3")
    assert function["signature"] == "f_alpha3(x, y=1)"
    code = rows["alpha/sub/m3.py"]
    assert code["text"] == f"def f_alpha3(x, y=1):\n    # {prose('alpha3comment')}\n    return x\n"
    assert (code["part"], code["module"], code["name"]) == ("code", "alpha.sub.m3", "")
    assert rows["alpha"]["text"] == prose("alphamodule")  # the package's own docstring
    assert rows["gamma"]["group"] == "others"
    assert all(row["bytes"] == len(row["text"].encode()) for row in rows.values())
    assert not any("tests" in name for name in rows)
    assert manifest["files_that_do_not_parse"] == ["beta/broken.py"]
    assert manifest["versions"] == {"alpha": "2.5", "beta": "unknown", "gamma": "unknown"}
    assert sum(count["documents"] for count in manifest["counts"]) == table.num_rows
    assert sum(count["bytes"] for count in manifest["counts"]) == sum(table["bytes"].to_pylist())


def test_a_module_has_one_split_in_both_parts_and_another_package_moves_none(site, tmp_path):
    table, _ = build(options(site), tmp_path / "out")
    split_of = {}
    for row in table.to_pylist():
        assert split_of.setdefault(row["module"], row["split"]) == row["split"]
    assert set(split_of.values()) == {"train", "validation", "test"}
    fewer, _ = build(options(site, groups={"letters": ["alpha"]}), tmp_path / "fewer")
    for row in fewer.to_pylist():
        assert row["split"] == split_of[row["module"]]


@pytest.mark.slow
def test_the_result_depends_on_neither_processes_nor_what_was_there(site, tmp_path, monkeypatch):
    monkeypatch.setattr("relscale.corpora.installed.CHUNK", 5)
    build(options(site, min_characters=200), tmp_path / "two")
    one, _ = build(options(site), tmp_path / "one")
    build(options(site), tmp_path / "two", workers=2)
    assert (tmp_path / "one" / "documents.parquet").read_bytes() == (
        tmp_path / "two" / "documents.parquet"
    ).read_bytes()
    other, _ = build(options(site), tmp_path / "other", seed=1)
    assert other["split"].to_pylist() != one["split"].to_pylist()


def test_a_copied_module_is_held_out_once_and_trained_on_never(site, tmp_path):
    table, _ = build(options(site), tmp_path / "out")
    tested = next(
        row["module"] for row in table.to_pylist() if row["split"] == "test" and ".sub." in row["module"]
    )
    original = site / (tested.replace(".", "/") + ".py")
    for k in range(20):
        (site / "beta" / f"copy{k}.py").write_text(original.read_text() + f"\nversion = {k}\n")
    after, manifest = build(options(site), tmp_path / "after")
    texts = {row["text"] for row in table.to_pylist() if row["module"] == tested and row["name"]}
    copies = [row for row in after.to_pylist() if row["text"] in texts]
    assert len(copies) == len(texts)
    assert all(row["split"] != "train" for row in copies)
    assert manifest["duplicates_removed"]["exact"] == 40  # the docstrings; their code differs by a line
    assert manifest["duplicates_removed"]["near"] == 20


def test_a_sample_of_the_code_leaves_docstrings_and_held_out_text_alone(site, tmp_path):
    whole, _ = build(options(site), tmp_path / "whole")
    sample, manifest = build(options(site, max_bytes={"code": 2000}), tmp_path / "sample")
    rows = sample.to_pylist()
    training = [row for row in rows if row["part"] == "code" and row["split"] == "train"]
    assert 0 < sum(row["bytes"] for row in training) <= 2000
    left_out = [row for row in whole.to_pylist() if row not in rows]
    assert {(row["part"], row["split"]) for row in left_out} == {("code", "train")}
    assert manifest["left_out_by_max_bytes"] == len(left_out)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": {"letters": ["alpha", "missing_package"]}}, "'missing_package' is not installed"),
        (
            {"groups": {"letters": ["alpha"], "more": ["alpha"]}},
            "'alpha' is in two groups: 'letters', 'more'",
        ),
        ({"min_characters": 10_000}, "no document of at least 10000 characters"),
        ({"split": {"validation": 0.0, "test": 1.0}}, "no document is left for training"),
        ({"max_bytes": {"code": 1, "docstrings": 1}}, "no document is left for training"),
        ({"kind": "files", "path": "no/such/folder"}, "no/such/folder: no such file or folder"),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(site, tmp_path, changes, message):
    folder = tmp_path / "results" / "out"
    with pytest.raises(RelscaleError, match=message) as error:
        build_source(options(site, **changes), folder, seed=0)
    assert "\n" not in str(error.value)
    assert not folder.parent.exists() or os.listdir(folder.parent) == []


def test_the_packages_of_this_python_are_found_with_their_versions():
    files = source_files({"arrays": ["numpy"], "tests": ["pytest"]}, site_folders())
    names = {file.name: file.module for file in files}
    assert names["numpy/linalg/__init__.py"] == "numpy.linalg"
    assert names["numpy/ma/core.py"] == "numpy.ma.core"
    assert "numpy/linalg/tests/test_linalg.py" not in names
    versions = package_versions(["numpy", "pytest"], site_folders())
    assert versions == {package: __import__(package).__version__ for package in versions}


def test_a_folder_of_texts_and_tables(tmp_path):
    folder = tmp_path / "texts"
    (folder / "poems").mkdir(parents=True)
    (folder / "letter.txt").write_text("Dear " + prose("letter"))
    (folder / "poems" / "one.md").write_text(prose("poem"))
    (folder / "poems" / "picture.png").write_bytes(b"\x89PNG")
    table = pa.table({"body": [prose("row0"), None, prose("row2")], "kind": ["news", "news", None]})
    pa.parquet.write_table(table, folder / "rows.parquet")
    (folder / "more.jsonl").write_text(json.dumps({"body": prose("line"), "kind": "mail"}) + "\n")
    documents, manifest = build(
        TextFiles(kind="files", path=str(folder), text="body", group="kind", split={"test": 0.0}),
        tmp_path / "out",
    )
    assert [(row["id"], row["group"], row["part"]) for row in documents.to_pylist()] == [
        ("letter.txt", "text", "text"),
        ("more.jsonl#0", "mail", "text"),
        ("poems/one.md", "poems", "text"),
        ("rows.parquet#0", "news", "text"),
        ("rows.parquet#1", "text", "text"),
    ]
    assert manifest["files"] == 4
    with pytest.raises(RelscaleError, match=r"more\.jsonl: no column 'text'; it has body, kind"):
        build_source(TextFiles(kind="files", path=str(folder)), tmp_path / "none", seed=0)


def test_files_that_are_not_what_they_claim_are_named(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    with pytest.raises(RelscaleError, match=r"a\.txt, line 1: not UTF-8 text"):
        build_source(TextFiles(kind="files", path=str(tmp_path / "a.txt")), tmp_path / "out", seed=0)
    (tmp_path / "b.parquet").write_text("no table")
    with pytest.raises(
        RelscaleError, match=r"b\.parquet: damaged \(not a whole parquet file\); copy or write it again"
    ):
        build_source(TextFiles(kind="files", path=str(tmp_path / "b.parquet")), tmp_path / "out", seed=0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RelscaleError, match=r"empty: no file ends in \.txt, \.md, \.parquet, \.jsonl"):
        build_source(TextFiles(kind="files", path=str(tmp_path / "empty")), tmp_path / "out", seed=0)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "a.b", "c"]), st.text(max_size=5)), max_size=12))
def test_ids_are_made_unique_and_no_document_is_lost(rows):
    documents = [Document(name, "p", "g", "k", "m", "", "", "", text) for name, text in rows]
    table = documents_table(documents, ["train"] * len(rows))
    assert table["id"].to_pylist() == sorted(set(table["id"].to_pylist()))
    assert sorted(table["text"].to_pylist()) == sorted(text for _, text in rows)
    assert {name for name, _ in rows} <= set(table["id"].to_pylist())


def test_reading_a_part_that_is_not_there_names_those_that_are(tmp_path):
    path = tmp_path / "documents.parquet"
    table = documents_table([Document("a", "code", "g", "k", "m", "", "", "", "x")], ["test"])
    pa.parquet.write_table(table, path)
    assert read_documents(path, "code", "test").num_rows == 1
    assert read_documents(path, "code", "train").num_rows == 0
    with pytest.raises(RelscaleError, match="no documents of part 'prose'; its parts: code"):
        read_documents(path, "prose")


def texts_in(path, **options):
    return TextFiles(kind="files", path=str(path), **options)


def test_texts_in_no_folder_are_of_the_domain_that_their_source_is_called(tmp_path):
    (tmp_path / "poems").mkdir()
    for name in ("a.txt", "poems/b.txt"):
        (tmp_path / name).write_text(name)
    assert [document.group for document in read_folder(texts_in(tmp_path), "letters")] == ["letters", "poems"]
    named = read_folder(texts_in(tmp_path, domain="english"), "letters")
    assert {document.group for document in named} == {"english"}


def test_a_long_text_is_cut_into_documents_that_are_held_out_one_by_one(tmp_path):
    book = "".join(f"Sentence {number} of the book.\n\n" for number in range(200)) + "x" * 250
    (tmp_path / "book.txt").write_text(book)
    pieces = read_folder(texts_in(tmp_path, max_characters=100), "books")
    assert "".join(piece.text for piece in pieces) == book
    assert max(len(piece.text) for piece in pieces) <= 100
    assert all(piece.text.endswith("book.\n\n") for piece in pieces[:-4])
    assert len({piece.module for piece in pieces}) == len(pieces)
    assert len(read_folder(texts_in(tmp_path), "books")) == 1


def test_a_book_is_one_line_of_a_table(tmp_path):
    book = "word " * 600_000  # 3 MB, more than a reader's block
    (tmp_path / "books.jsonl").write_text(json.dumps({"text": book}) + "\n" + json.dumps({"text": "short"}))
    assert [document.text for document in read_folder(texts_in(tmp_path), "texts")] == [book, "short"]


@pytest.mark.parametrize("cell", [1, 1.5, True, ["a"], {"a": "b"}])
def test_what_is_not_text_is_not_made_text(tmp_path, cell):
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"text": "words"}\n' + json.dumps({"text": cell}))
    table = tmp_path / "table.parquet"
    pa.parquet.write_table(pa.table({"text": [cell]}), table)
    for path, place in ((lines, "line 2"), (table, "row 1")):
        with pytest.raises(RelscaleError, match=rf"{path.name}, {place}: 'text' is .*, not text"):
            read_folder(texts_in(path), "texts")


@pytest.mark.parametrize("ending", ["", ".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_the_same_in_every_packing_and_encoding(tmp_path, ending, encoding):
    pack = {
        "": bytes,
        ".gz": gzip.compress,
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
        ".zst": zstandard.compress,
    }
    text = "caf\u00e9 \u2028 \u540d\u524d\n"
    line = json.dumps({"text": text}, ensure_ascii=False)
    for name, content in (("a.txt", text), ("b.jsonl", line)):
        (tmp_path / f"{name}{ending}").write_bytes(pack[ending](content.encode(encoding)))
    assert [document.text for document in read_folder(texts_in(tmp_path), "texts")] == [text, text]
