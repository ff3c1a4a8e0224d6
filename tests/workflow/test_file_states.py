"""A user's file that is replaced is noticed, whatever its time says; one that is only touched is not."""

import os

import pytest

from relscale.workflow.user_files import COMPARED_BYTES, file_states

SIZES = pytest.mark.parametrize("size", [10, COMPARED_BYTES])


@pytest.fixture(name="file")
def a_file(tmp_path, size):
    path = tmp_path / "table.csv"
    path.write_bytes(b"1" * size)
    os.utime(path, (1_600_000_000, 1_600_000_000))
    return path


@SIZES
def test_a_file_replaced_by_an_older_one_of_its_size_is_noticed(file, size):
    before = file_states([file])
    file.write_bytes(b"2" * size)
    os.utime(file, (1_000_000_000, 1_000_000_000))
    assert file_states([file]) != before


@pytest.mark.parametrize("size", [10])
def test_a_small_file_that_is_touched_is_the_same(file):
    before = file_states([file])
    os.utime(file, (1_700_000_000, 1_700_000_000))
    assert file_states([file]) == before


@pytest.mark.parametrize("size", [10])
def test_a_file_that_is_gone_has_no_state(file):
    file.unlink()
    assert file_states([file]) == [None]
