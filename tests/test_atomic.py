import errno

import pytest

from relscale import atomic
from relscale.atomic import atomic_path, write_text
from relscale.errors import RelscaleError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    write_text(path, "old")
    with pytest.raises(IsADirectoryError), atomic_path(path) as partial:
        partial.write_text("ne")
        tmp_path.write_text("fails, since it is a folder")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_a_folder_is_replaced_whole(tmp_path):
    path = tmp_path / "run"
    for content in ("one", "two"):
        with atomic_path(path) as partial:
            partial.mkdir()
            (partial / content).write_text(content)
    assert names(path) == ["two"]
    assert names(tmp_path) == ["run"]


def test_the_ending_is_kept_so_that_writers_choose_the_format_by_it(tmp_path):
    with atomic_path(tmp_path / "table.parquet") as partial:
        assert partial.suffix == ".parquet"
        partial.touch()


def test_what_is_durable_is_on_disk_before_it_has_its_name_and_so_is_the_name(tmp_path, monkeypatch):
    path, flushed = tmp_path / "run", []
    monkeypatch.setattr(atomic, "_flush_one", lambda on_disk: flushed.append((on_disk.name, path.exists())))
    with atomic_path(path, durable=True) as partial:
        (partial / "below").mkdir(parents=True)
        (partial / "below" / "weights").write_text("numbers")
    before = [name for name, is_there in flushed if not is_there]
    assert {"below", "weights", partial.name} == set(before)
    assert flushed[-1] == (tmp_path.name, True)


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(atomic.fcntl, "flock", refuse)
    remedy = r"this file system has no locks.*; set store to a folder"
    for hold in (atomic.locked, atomic.lock_if_free):
        with pytest.raises(RelscaleError, match=remedy), hold(tmp_path / "a.lock"):
            pass
