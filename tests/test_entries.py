"""Manifests of jobs, each entry with a digest of itself."""

import contextlib
import random

import pytest
from damage import cut, emptied, flipped

from relscale.errors import Damaged
from relscale.storage.entries import Entry, read_entries, write_entries


class File(Entry):
    """An entry as a job may have it."""

    name: str
    path: str | None = None
    bytes: int = 0


ENTRIES = [File(name="a", path="store/a"), File(name="b", bytes=3)]


def test_entries_are_read_as_they_were_written(tmp_path):
    write_entries(tmp_path / "all.json", ENTRIES)
    assert read_entries(tmp_path / "all.json", File) == ENTRIES


def test_a_list_by_hand_needs_no_digests(tmp_path):
    (tmp_path / "all.json").write_text('[{"name": "a"}]')
    assert read_entries(tmp_path / "all.json", File) == [File(name="a")]


def test_an_entry_of_another_kind_is_named_with_what_is_wrong(tmp_path):
    (tmp_path / "all.json").write_text('[{"name": "a"}, {"path": "b"}]')
    with pytest.raises(Damaged, match=r"all\.json: damaged \(entry 2: name is missing\)"):
        read_entries(tmp_path / "all.json", File)


@pytest.mark.parametrize("damage", [cut, emptied])
def test_a_list_that_was_cut_is_named(tmp_path, damage):
    write_entries(tmp_path / "all.json", ENTRIES)
    damage(tmp_path / "all.json")
    with pytest.raises(Damaged, match=r"all\.json: damaged \(not a list of entries\)"):
        read_entries(tmp_path / "all.json", File)


@pytest.mark.slow
def test_a_flipped_bit_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "all.json"
    write_entries(path, ENTRIES)
    whole = path.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(whole)), 500):
        flipped(path, bit)
        with contextlib.suppress(Damaged):
            assert read_entries(path, File) == ENTRIES
        path.write_bytes(whole)
