"""JSON lines end at line feeds alone, whatever else Unicode calls the end of a line."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.errors import RelscaleError
from relscale.storage.json_lines import read_json_lines

texts = st.text(st.characters(codec="utf-8"))


@pytest.mark.slow
@given(
    st.lists(st.dictionaries(texts, texts)), st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
)
def test_values_come_back_as_they_were_written(tmp_path_factory, values, ascii_only, encoding):
    path = tmp_path_factory.mktemp("lines") / "values.jsonl"
    lines = [json.dumps(value, ensure_ascii=ascii_only) for value in values]
    path.write_bytes("".join(line + "\n" for line in lines).encode(encoding))
    assert list(read_json_lines(path)) == list(enumerate(values, start=1))


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_no_other_character_ends_a_line(tmp_path, end):
    path = tmp_path / "values.jsonl"
    path.write_text(json.dumps({"text": f"a{end}b"}, ensure_ascii=False) + "\r\n", encoding="utf-8")
    assert list(read_json_lines(path)) == [(1, {"text": f"a{end}b"})]


def test_blank_lines_are_passed_over_and_counted(tmp_path):
    path = tmp_path / "values.jsonl"
    path.write_text("\n1\n  \n\n2", encoding="utf-8")
    assert list(read_json_lines(path)) == [(2, 1), (5, 2)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"a": 1}\n{"a": \n', "line 2: not JSON"),
        (b'{"a": "caf\xe9"}\n', "not UTF-8 text; save it as UTF-8"),
        (b"[" * 100_000 + b"\n", "line 1: not JSON"),
        (b'"\\ud800"\n', "line 1: not JSON (half of a surrogate pair"),
        (b"1" * 5000 + b"\n", "line 1: not JSON"),
    ],
)
def test_what_is_not_json_is_reported_with_its_line(tmp_path, content, complaint):
    path = tmp_path / "values.jsonl"
    path.write_bytes(content)
    with pytest.raises(RelscaleError, match=re.escape(complaint)):
        list(read_json_lines(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RelscaleError, match=r"gone\.jsonl: cannot be read"):
        list(read_json_lines(tmp_path / "gone.jsonl"))
