"""Locks on files: one process at a time, whatever becomes of it."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from relscale.errors import RelscaleError
from relscale.storage import lock
from relscale.storage.lock import lock_if_free, locked, remove_stale_locks


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    remedy = r"this file system has no locks.*; set store to a folder"
    for hold in (locked, lock_if_free):
        with pytest.raises(RelscaleError, match=remedy), hold(tmp_path / "a.lock"):
            pass


@pytest.mark.slow
def test_a_lock_keeps_others_out_and_leaves_no_file(tmp_path):
    code = """
import sys
from pathlib import Path
from relscale.storage.lock import locked
counter = Path(sys.argv[1])
for _ in range(100):
    with locked(counter.with_suffix(".lock")):
        counter.write_text(str(int(counter.read_text()) + 1))
"""
    counter = tmp_path / "counter"
    counter.write_text("0")
    writers = [subprocess.Popen([sys.executable, "-c", code, str(counter)]) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert counter.read_text() == "300"
    assert os.listdir(tmp_path) == ["counter"]


def test_a_killed_process_frees_its_lock(tmp_path):
    code = """
import sys, time
from pathlib import Path
from relscale.storage.lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""
    path = tmp_path / "a.lock"
    process = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    with lock_if_free(path) as file:
        assert file is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    with lock_if_free(path) as file:
        assert file is not None
    assert not path.exists()


def test_who_was_taken_over_leaves_the_file_of_the_next(tmp_path):
    path = tmp_path / "a.lock"
    with locked(path):
        path.unlink()
        path.write_text("of the next")
    assert path.read_text() == "of the next"


def test_the_lock_of_a_killed_process_is_deleted_and_that_of_a_living_one_is_kept(tmp_path):
    (tmp_path / "killed.lock").touch()
    with locked(tmp_path / "living.lock"):
        remove_stale_locks(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["living.lock"]
