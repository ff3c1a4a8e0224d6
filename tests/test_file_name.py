"""Names of files made of names."""

import re

import pytest
from hostile import NAMES
from hypothesis import given
from hypothesis import strategies as st

from relscale.storage.file_name import file_name, named

RUN = "web-1e12-d64-L2-B16-c-adamc-s0"
names = st.one_of(
    st.text(), st.from_regex(r"[A-Za-z0-9._-]*", fullmatch=True), st.sampled_from([*NAMES, RUN, RUN.lower()])
)


@pytest.mark.slow
@given(names)
def test_a_file_name_means_the_same_to_every_shell_pattern_and_file_system(name):
    found = file_name(name)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", found)
    assert len(found) <= 100


@pytest.mark.slow
@given(st.lists(names, unique=True))
def test_names_that_differ_have_file_names_that_differ(several):
    assert len({file_name(name).casefold() for name in several}) == len(several)


@pytest.mark.slow
@given(names, st.data())
def test_names_that_differ_in_case_alone_have_files_of_their_own_where_a_file_system_ignores_it(name, data):
    upper = data.draw(st.lists(st.booleans(), min_size=len(name), max_size=len(name)))
    other = "".join(letter.upper() if up else letter.lower() for letter, up in zip(name, upper, strict=True))
    same = file_name(name).casefold() == file_name(other).casefold()
    assert same == (name == other)


@pytest.mark.slow
@given(names)
def test_no_file_name_is_that_of_another_name(name):
    """Whoever calls a corpus as the files of another are called gets files of another name."""
    found = file_name(name)
    assert found == name or file_name(found) != found


@pytest.mark.parametrize(
    "name", ["documentation", "1e12", "c4_val", "installed", "a.b-c", "d64-L2-B16-s0", RUN]
)
def test_plain_names_are_their_own_file_names(name):
    assert file_name(name) == name


@pytest.mark.slow
@given(st.lists(names, unique=True, min_size=1))
def test_a_name_is_found_by_its_file_name(several):
    assert [named(several, file_name(name)) for name in several] == several


def test_a_name_is_found_by_itself():
    assert named(["The Pile", "web"], "The Pile") == "The Pile"
    assert named(["The Pile", "web"], "books") == "books"
