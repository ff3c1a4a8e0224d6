"""Who owns a run, and when another may take it over."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from relscale.storage.process import started
from relscale.training import ownership
from relscale.training.interruption import Interrupted
from relscale.training.ownership import Owner, owned

OWNER = """
import sys, time
from pathlib import Path
from relscale.training.ownership import owned
with owned(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None) as check:
    print("owned", flush=True)
    sys.stdin.readline()
    check()
"""


class Impatient(Exception):
    pass


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(ownership, "SECONDS_BETWEEN_CHECKS", 0.0)
    return tmp_path / "run.state"


@pytest.fixture
def start(folder):
    """Start a process that owns the run until it reads a line."""
    processes = []

    def start(*parent):
        command = [sys.executable, "-c", OWNER, str(folder), *map(str, parent)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout.readline() == "owned\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def looks(number):
    """Wait so many looks, and no longer."""
    left = iter(range(number))

    def wait():
        if next(left, None) is None:
            raise Impatient

    return wait


def write(folder, owner):
    folder.mkdir(exist_ok=True)
    (folder / "owner.json").write_text(json.dumps(asdict(owner)))


def test_an_owner_leaves_nothing_behind(folder):
    with owned(folder) as check:
        check()
        assert json.loads((folder / "owner.json").read_text())["pid"] == os.getpid()
    assert not folder.exists()


def test_a_state_stays_when_its_owner_goes(folder):
    with owned(folder):
        (folder / "state.pt").touch()
    assert [path.name for path in folder.iterdir()] == ["state.pt"]


def test_a_living_owner_is_waited_for_and_named(folder, start):
    process, said = start(), []
    with pytest.raises(Impatient), owned(folder, wait=looks(100), say=said.append):
        pass
    assert len(said) == 1
    assert f"waiting for process {process.pid}" in said[0]


def test_an_owner_that_is_done_is_followed(folder, start):
    process = start()
    process.communicate("done\n")
    with owned(folder, wait=looks(1)) as check:
        check()


def test_an_owner_that_was_killed_is_followed_at_once(folder, start):
    process, said = start(), []
    process.kill()
    process.wait()
    with owned(folder, wait=looks(2), say=said.append) as check:
        check()
    assert len(said) == 1
    assert f"taken over from process {process.pid}" in said[0]
    assert not folder.exists()


def test_an_owner_that_was_killed_while_it_wrote_its_name_is_followed_at_once(folder):
    folder.mkdir()
    (folder / "owner.json").write_text('{"machine": ')
    with owned(folder, wait=looks(1)) as check:
        check()


def test_an_orphan_is_given_time_to_stop_and_then_writes_nothing_more(folder, start, monkeypatch):
    parent = subprocess.Popen(["sleep", "600"])
    orphan = start(parent.pid)
    parent.kill()
    parent.wait()
    with pytest.raises(Impatient), owned(folder, wait=looks(100)):
        pass
    monkeypatch.setattr(ownership, "PATIENCE", 0)
    with owned(folder, wait=looks(5)) as check:
        _, said = orphan.communicate("go on\n")
        assert "another process has taken over this run" in said
        check()


def test_an_owner_whose_parent_lives_is_no_orphan(folder, start, monkeypatch):
    monkeypatch.setattr(ownership, "PATIENCE", 0)
    start(os.getpid())
    with pytest.raises(Impatient), owned(folder, wait=looks(100)):
        pass


def test_a_number_that_another_process_has_by_now_is_no_parent():
    me = Owner.this(os.getppid())
    assert not me.is_orphan()
    assert replace(me, parent_started="1").is_orphan()
    assert not replace(me, parent_started="1", machine="another machine").is_orphan()
    assert started(os.getppid()) == me.parent_started


def test_where_locks_are_not_seen_the_later_owner_stays(folder):
    """As on a file system that keeps the locks of each machine to itself: the name in the file is another's."""
    elsewhere = replace(Owner.this(None), machine="another machine")
    with pytest.raises(Interrupted, match="another process has taken over this run"), owned(folder) as check:
        (folder / "owner.json").unlink()
        write(folder, elsewhere)
        check()
    assert json.loads((folder / "owner.json").read_text()) == asdict(elsewhere)
    with owned(folder, wait=looks(2)) as check:
        check()
