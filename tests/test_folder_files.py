"""A folder has the files of the folders that it links to."""

from pathlib import Path

import pytest

import relscale
from relscale.corpora.files import read_folder
from relscale.corpora.options import TextFiles
from relscale.errors import RelscaleError
from relscale.provenance import files_state, folder_digest
from relscale.scoring.data_source import data_files
from relscale.storage.folder_files import files_below

TEXT = "A page of text that is long enough to be a document of its own. "


@pytest.fixture
def folder(tmp_path):
    """A folder with one file of its own and one in a folder elsewhere, which it links to."""
    (tmp_path / "disk" / "wiki").mkdir(parents=True)
    (tmp_path / "disk" / "wiki" / "a.txt").write_text(TEXT * 5)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "b.txt").write_text(TEXT * 4)
    (tmp_path / "mine" / "wiki").symlink_to(tmp_path / "disk" / "wiki")
    return tmp_path / "mine"


def test_every_reader_of_a_folder_reads_what_it_links_to(folder):
    source = TextFiles.model_validate({"kind": "files", "path": str(folder)})
    assert [document.id for document in read_folder(source, "mine")] == ["b.txt", "wiki/a.txt"]
    assert [file.name for file in data_files(folder)] == ["b.txt", "a.txt"]


@pytest.mark.parametrize("state", [files_state, folder_digest])
def test_a_change_behind_a_link_is_a_change_of_the_folder(folder, state):
    before = state(folder)
    assert state(folder) == before
    (folder.parent / "disk" / "wiki" / "a.txt").write_text(TEXT * 6)
    assert state(folder) != before


@pytest.mark.parametrize("way", [["mine"], ["disk", "back"]], ids=["itself", "through another link"])
def test_a_link_to_a_folder_that_contains_it_is_refused(folder, way):
    (folder / "loop").symlink_to(folder.parent / way[0])
    if len(way) > 1:
        (folder.parent / "disk" / way[1]).symlink_to(folder)
    with pytest.raises(RelscaleError, match="a link to a folder that contains it; remove the link"):
        list(files_below(folder))


def test_two_links_to_one_folder_are_no_loop(folder):
    (folder / "again").symlink_to(folder.parent / "disk" / "wiki")
    names = sorted(file.relative_to(folder).as_posix() for file in files_below(folder))
    assert names == ["again/a.txt", "b.txt", "wiki/a.txt"]


def test_a_hidden_folder_is_not_entered_by_those_who_read_visible_files(folder):
    (folder / ".trash").mkdir()
    (folder / ".trash" / "loop").symlink_to(folder)
    (folder / ".hidden.txt").write_text(TEXT)
    assert [file.name for file in data_files(folder)] == ["b.txt", "a.txt"]


def test_only_folders_that_relscale_writes_are_listed_without_their_links():
    package = Path(relscale.__file__).parent
    without_links = {
        file.relative_to(package).as_posix()
        for file in files_below(package)
        if file.suffix == ".py" and ".rglob(" in file.read_text(encoding="utf-8")
    }
    assert without_links == {
        "release/push.py",  # an export's models
        "scoring/suite.py",  # the copy of a suite, in which links are folders
        "scoring/suite_code.py",  # refuses links to folders outside
        "storage/atomic.py",
        "studies/quantization_effect.py",  # the results of an experiment
        "workflow/provenance_page.py",
    }
