"""Folders that list their files' digests."""

import json

import pytest
from damage import DAMAGES, flipped

from relscale.errors import Damaged
from relscale.storage import checksums
from relscale.storage.checksums import (
    add_to_seal,
    check_digests,
    check_digests_if_listed,
    check_files,
    files_list,
    is_whole,
    listed,
    seal,
    seal_files,
    sealed_folder,
    set_aside,
)


@pytest.fixture
def folder(tmp_path):
    with sealed_folder(tmp_path / "run") as partial:
        (partial / "weights").write_bytes(b"numbers")
        (partial / "below").mkdir()
        (partial / "below" / "record").write_text("text")
    return tmp_path / "run"


def test_a_folder_as_it_was_written_is_whole(folder):
    check_digests(folder)
    assert is_whole(folder, "weights", "below/record")


@pytest.mark.parametrize("name", ["weights", "below/record"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_not_what_was_written_is_named(folder, name, damage):
    damage(folder / name)
    with pytest.raises(Damaged, match=rf"run/{name}: damaged \("):
        check_digests(folder)
    assert is_whole(folder) == (damage is flipped)  # by sizes
    assert not is_whole(folder, name)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_folder_whose_list_is_damaged_is_not_whole(folder, damage):
    damage(folder / checksums.FILE)
    assert not is_whole(folder, "weights", "below/record")


@pytest.mark.slow
def test_a_flipped_bit_anywhere_in_a_list_is_noticed(folder):
    path = folder / checksums.FILE
    written = path.read_bytes()
    for bit in range(0, 8 * len(written), 5):
        flipped(path, bit)
        with pytest.raises(Damaged):
            listed(folder)
        path.write_bytes(written)
    assert set(listed(folder)) == {"weights", "below/record"}


def test_a_folder_of_a_users_own_needs_no_list(tmp_path):
    check_digests_if_listed(tmp_path)
    assert not is_whole(tmp_path)


def test_a_folder_in_a_folder_keeps_its_digests_and_is_not_read_again(folder, monkeypatch):
    (folder.parent / "all").mkdir()
    folder = folder.rename(folder.parent / "all" / "run")
    monkeypatch.setattr(checksums, "file_sha256", lambda path: str(path.name))
    seal(folder.parent)
    known = json.loads((folder / checksums.FILE).read_text())
    found = json.loads((folder.parent / checksums.FILE).read_text())
    assert found["run/weights"] == known["weights"]
    assert found[f"run/{checksums.FILE}"]["sha256"] == checksums.FILE


def test_a_file_can_be_added_to_a_list_that_has_another_name_elsewhere(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for path in ("weights", checksums.FILE):
        (other / path).hardlink_to(folder / path)
    (other / "below").mkdir()
    (other / "below" / "record").hardlink_to(folder / "below" / "record")
    (other / "more").write_text("more")
    add_to_seal(other, "more")
    check_digests(other)
    check_digests(folder)


@pytest.mark.parametrize("damage", DAMAGES)
def test_files_of_a_common_name_are_held_against_their_list(tmp_path, damage):
    files = [tmp_path / "figure.html", tmp_path / "figure.json"]
    for file in files:
        file.write_text(file.name)
    seal_files(files_list(files[0]), files)
    check_files(files_list(files[0]))
    damage(files[1])
    with pytest.raises(Damaged, match=r"figure\.json: damaged"):
        check_files(files_list(files[0]))


def test_what_is_set_aside_is_out_of_the_way_and_only_the_last_is_kept(folder):
    for content in ("one", "two"):
        folder.mkdir(exist_ok=True)
        (folder / "weights").write_text(content)
        aside = set_aside(folder)
    assert not folder.exists()
    assert aside.name.startswith(".")
    assert (aside / "weights").read_text() == "two"
