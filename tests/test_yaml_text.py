"""YAML is read as it was written, or refused in one sentence with its line."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from one_sentence import assert_one_sentence, within

from relscale.errors import RelscaleError
from relscale.lookalikes import appearance
from relscale.scoring.manifest import read_manifest, write_manifest
from relscale.storage.yaml_text import dump, load

# What YAML 1.1 takes for truth values, numbers, dates, times of day (in base 60) or nothing.
MISTAKEN = [
    "no",
    "yes",
    "on",
    "off",
    "y",
    "2024",
    "1.0",
    "1e5",
    "0x10",
    "012",
    "null",
    "2001-01-01",
    "12:30",
    "1_000",
]


@pytest.fixture
def written(tmp_path):
    """A function that writes a file, of text or bytes, and gives its path."""

    def write(content):
        path = tmp_path / "some.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("name", MISTAKEN)
def test_a_key_is_the_text_that_was_written(written, name):
    assert load(written(f"corpora:\n  {name}: {{source: here}}\n")) == {"corpora": {name: {"source": "here"}}}


@pytest.mark.parametrize("text", ["no", "yes", "on", "off", "y", "2001-01-01", "12:30"])
def test_what_yaml_1_2_has_no_other_meaning_for_is_text(written, text):
    assert load(written(f"[{text}]")) == [text]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e11", 1e11),
        ("2.5E-3", 0.0025),
        ("-7", -7),
        ("0x10", 16),
        ("true", True),
        ("~", None),
        ("", None),
        ("'7'", "7"),
    ],
)
def test_numbers_truth_and_nothing_are_what_they_look_like(written, text, value):
    found = load(written(f"key: {text}"))["key"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf_8_is_read_with_and_without_a_mark(written, encoding):
    assert load(written("title: Prüfung 名前 😀\n".encode(encoding))) == {"title": "Prüfung 名前 😀"}


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("a: 1\ntitle: Prüfung\n".encode("latin-1"), 2, "not UTF-8"),
        ("title: “x”\n".encode("cp1252"), 1, "not UTF-8"),
        ("a: 1\n".encode("utf-16-le"), None, "UTF-16"),
        ("a: 1\n".encode("utf-16"), None, "UTF-16"),
        ("a: 1\n".encode("utf-32"), None, "UTF-32"),
        ("a: 1\nb: 2\na: 3\n", 3, "'a' is duplicated"),
        ("x:\n  no: 1\n  no: 2\n", 3, "'no' is duplicated"),
        ("a: &a\n  b: *a\n", 2, "inside what it refers to"),
        ("a: 1\nb: *c\n", 2, "refers to nothing"),
        ("a: 1\n---\nb: 1\n", 2, "a second document"),
        ("a:\n  - !!python/object/apply:os.system [x]\n", 2, "tag"),
        ("a: !function os.system\n", 1, "the tag !function"),
        ("a: !!timestamp 2001-01-01\n", 1, "tag"),
        ("[a]: 1\n", 1, "a key is a name"),
        ("a: [1,\n", 2, "not YAML"),
        ("a: 'x\n", None, "not YAML"),
        ("a: 1\nb: \x07\n", None, "not YAML"),
        ("a:\n\t- b\n", 2, "not YAML"),
        ("<<: 5\n", 1, "takes a mapping"),
    ],
)
def test_anything_else_is_refused_with_its_line(written, content, line, reason):
    with pytest.raises(RelscaleError) as refused:
        load(written(content))
    assert_one_sentence(refused.value)
    assert reason in str(refused.value)
    assert line is None or f"some.yaml, line {line}: " in str(refused.value)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "content",
    [BOMB, "[" * 100_000, "{a: " * 5_000, "- " * 5_000 + "x", "a: " + "9" * 50_000, "x" * 11_000_000],
)
def test_what_is_out_of_proportion_is_refused_at_once(written, content):
    path = written(content)
    with within(5):
        try:
            found = load(path)
        except RelscaleError as refused:
            assert_one_sentence(refused)
        else:
            assert found == {"a": "9" * 50_000}  # too long for a number, so text


def test_merged_mappings_stand_under_what_is_written(written):
    text = "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\nhere: {<<: [*base, *more], a: 5}\n"
    assert load(written(text))["here"] == {"a": 5, "b": 2, "c": 4}


def test_tags_of_functions_are_passed_over_where_that_is_requested(written):
    path = written("task: mine\nprocess_docs: !function utils.process\n")
    assert load(path, text_tags=("!function",)) == {"task": "mine", "process_docs": "utils.process"}


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
)
texts = st.text(max_size=12) | st.sampled_from(
    [*MISTAKEN, "\x85", "a\u2028b", "\r\n", "\ufeff", " a ", "a\n\nb\n"]
)
values = st.recursive(
    scalars | texts,
    lambda each: (
        st.lists(each, max_size=4)
        | st.dictionaries(texts, each, max_size=4).filter(
            lambda value: len(set(map(appearance, value))) == len(value)  # keys that look alike are refused
        )
    ),
    max_leaves=12,
)


@pytest.mark.slow
@given(values)
def test_what_is_written_is_read_back_by_this_reader_and_by_any_other(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("dump") / "x.yaml"
    path.write_text(dump(value), encoding="utf-8")
    assert load(path) == value
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == value


@pytest.mark.parametrize("name", MISTAKEN)
def test_groups_and_labels_of_a_suite_are_texts(written, tmp_path, name):
    path = written(
        f"title: {name}\ndescription: x\nkind: rolling\nmetric: m\ndirection: lower\nbaseline: {name}\n"
        f"groups: {{{name}: {{label: {name}, also: [{name}]}}}}\ntasks: {{{name}: {{group: {name}}}}}\n"
    )
    path.rename(tmp_path / "suite.yaml")
    manifest = read_manifest(tmp_path)
    assert (manifest.title, manifest.baseline, manifest.tasks[name].group) == (name, name, name)
    assert manifest.groups[name].also == (name,)
    write_manifest(manifest, tmp_path)
    assert read_manifest(tmp_path) == manifest
