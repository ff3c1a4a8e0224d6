"""A cell of a CSV file is the text that it says, whichever program wrote the file."""

import bz2
import csv
import gzip
import io
import lzma

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_sentence import assert_one_sentence

from relscale.errors import RelscaleError
from relscale.scoring.csv_documents import read_csv
from relscale.scoring.local_splits import split_files

ANSWERS = [
    "NA",
    "null",
    "None",
    "nan",
    "007",
    "1.50",
    "1e5",
    "true",
    "TRUE",
    "",
    " ",
    "שלום",
    "😀",
    'a "quoted"\r\nline',
]


def written(rows, separator, encoding="utf-8"):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(rows)
    return text.getvalue().encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_answer_is_read_as_it_is_written(tmp_path, separator, encoding):
    path = tmp_path / "test.csv"
    path.write_bytes(written([["id", "answer"], *enumerate(ANSWERS)], separator, encoding))
    assert read_csv(path) == {"id": list(range(len(ANSWERS))), "answer": ANSWERS}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
        | st.sampled_from(["1", "0.5", "True", "False", "None", ""]),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_a_cell_says_is_unchanged(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("csv") / "test.csv"
    path.write_bytes(written([["id", "answer"], *enumerate(cells)], ","))
    assert ["" if value is None else str(value) for value in read_csv(path)["answer"]] == cells


def test_labels_are_numbers_and_hidden_ones_are_missing(tmp_path):
    path = tmp_path / "test.csv"
    path.write_text("label,hidden,share,long,mixed,empty\n0,,0.5,9223372036854775808,0.5,\n1,1,-1.25,1,1,\n")
    values = read_csv(path)
    assert values == {
        "label": [0, 1],
        "hidden": [None, 1],
        "share": [0.5, -1.25],
        "long": ["9223372036854775808", "1"],
        "mixed": ["0.5", "1"],  # an answer 1 is not 1.0
        "empty": ["", ""],  # text that says nothing, in a template nothing and not "None"
    }


def test_a_document_may_be_longer_than_the_limit_of_the_csv_module(tmp_path):
    long = "word " * 40_000
    (tmp_path / "test.csv").write_text(f"text\n{long}\n")
    kept = csv.field_size_limit(1000)
    try:
        assert read_csv(tmp_path / "test.csv") == {"text": [long]}
    finally:
        csv.field_size_limit(kept)


def test_false_is_not_true(tmp_path):
    """As text every cell of a condition such as {% if doc.checked %} would be true."""
    path = tmp_path / "test.csv"
    path.write_text("checked,answer,hidden\nFalse,False,True\nTrue,Unknown,\n")
    values = read_csv(path)
    assert [bool(cell) for cell in values["checked"]] == [False, True]
    assert values["answer"] == ["False", "Unknown"]
    assert values["hidden"] == [True, None]


def test_a_column_is_of_one_kind_in_all_files_of_a_split(tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("answer,label,score\nTrue,0,0.5\nFalse,,1.5\n")
    second.write_text("label,answer,source\n,Unknown,web\n")
    assert read_csv(first, second) == {
        "answer": ["True", "False", "Unknown"],
        "label": [0, None, None],
        "score": [0.5, 1.5, None],
        "source": [None, None, "web"],
    }
    assert read_csv(second, first)["answer"] == ["Unknown", "True", "False"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("page,page\na,b\n", "two columns are called 'page'"),
        ("page,label\nboth\n", "row 1 has 1 cells and the header 2"),
        ("page,label\na,b,c\n", "row 1 has 3 cells and the header 2"),
        ("", "not a readable table"),
        ("page\ncaf\udce9\n", "line 2: not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text, message):
    path = tmp_path / "test.csv"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RelscaleError, match=message) as error:
        read_csv(path)
    assert_one_sentence(str(error.value))


def _zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as file:
        file.write(data)
    return sink.getvalue().to_pybytes()


PACKERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": _zstd}


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("text", ["test.jsonl", "test.csv"])
def test_a_compressed_file_is_what_it_is_when_unpacked(tmp_path, ending, text):
    from relscale.scoring.local_data import files

    content = {"test.jsonl": '{"page": "NA"}\n{"page": "é"}\n', "test.csv": "page\nNA\né\n"}[text]
    (tmp_path / f"{text}{ending}").write_bytes(PACKERS[ending](content.encode()))
    found = split_files("task", str(tmp_path), {"test_split": "test"})
    assert found == {"test": [str(tmp_path / f"{text}{ending}")]}
    assert files(found)["test"]["page"][:] == ["NA", "é"]
