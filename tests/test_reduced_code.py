"""Reduced code that is kept is what is reduced anew."""

from pathlib import Path

import pytest

from relscale import laws
from relscale.reduced_code import KeptCode

SOURCE = '''"""What it says."""
from relscale.other import value
TABLE = "table.csv"
def double(x):
    """Twice as much."""
    return value * x
def unused():
    return 3
'''


def reduced(kept, source=SOURCE, function="", data=(), keeps=True):
    return kept.reduced(source, function, "relscale", data, lambda name: keeps)


@pytest.fixture
def file(tmp_path):
    """A file that has the reduced code of ``SOURCE``."""
    kept = KeptCode(tmp_path / "cache" / "code.json")
    reduced(kept)
    kept.save()
    return kept.file


def test_another_process_finds_what_one_has_reduced(file):
    sources = [path.read_text() for path in Path(laws.__file__).parent.glob("p*.py")]
    first = KeptCode(file)
    made = [reduced(first, source) for source in sources]
    first.save()
    assert len(made) == len({code.digest for code in made}) > 3
    written = file.stat().st_mtime_ns
    second = KeptCode(file)
    assert [reduced(second, source) for source in sources] == made
    second.save()
    assert file.stat().st_mtime_ns == written  # nothing was new


def test_an_import_that_cannot_change_a_number_any_more_is_left_out(file):
    with_import = reduced(KeptCode(file))
    without = reduced(KeptCode(file), keeps=False)
    assert with_import.imports == ("relscale.other.value",)
    assert without.imports == ()
    assert with_import.digest != without.digest
    assert reduced(KeptCode(file)) == with_import


@pytest.mark.parametrize(
    ("change", "is_another"),
    [
        ({"source": SOURCE.replace("value * x", "value + x")}, True),
        ({"source": SOURCE.replace("Twice as much", "Two times") + "# a comment\n"}, False),
        ({"function": "double"}, True),
    ],
)
def test_another_digest_is_of_other_code(file, change, is_another):
    kept = KeptCode(file)
    assert (reduced(kept, **change).digest != reduced(kept).digest) == is_another


def test_data_are_those_that_the_module_names(file):
    kept = KeptCode(file)
    assert reduced(kept, data=[("table.csv", False), ("other.csv", False)]).data == ("table.csv",)
    assert reduced(kept, SOURCE.replace("table.csv", ".csv"), data=[("name.csv", True)]).data == ("name.csv",)
    assert reduced(kept).data == ()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}', '{"x": {"asked": {}, "code": {}}}', "\0"])
def test_a_damaged_file_is_as_good_as_none(file, content):
    expected = reduced(KeptCode(file))
    file.write_text(content)
    kept = KeptCode(file)
    assert reduced(kept) == expected
    kept.save()
    assert reduced(KeptCode(file)) == expected


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    kept = KeptCode(tmp_path / "file" / "code.json")
    assert reduced(kept).imports
    kept.save()


def test_without_a_home_code_is_kept_in_memory():
    kept = KeptCode(None)
    asked = ("x = 1", "", "package", [], lambda name: True)
    assert kept.reduced(*asked) == kept.reduced(*asked)
    kept.save()
