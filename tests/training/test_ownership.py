"""Who owns a run, and when another may take it over."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from relscale.process import started
from relscale.training import ownership
from relscale.training.interruption import Interrupted
from relscale.training.ownership import Owner, owned


class Impatient(Exception):
    pass


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(ownership, "SECONDS_BETWEEN_LOOKS", 0.0)
    return tmp_path / "run.state"


@pytest.fixture
def elsewhere():
    return replace(Owner.this(None), machine="another machine", slurm_job=None)


def write(folder, owner):
    folder.mkdir(exist_ok=True)
    (folder / "owner.json").write_text(json.dumps(asdict(owner)))


def looks(number, each=lambda: None):
    """Wait so many looks, and no longer."""
    left = iter(range(number))

    def wait():
        each()
        if next(left, None) is None:
            raise Impatient

    return wait


def ended_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    start = started(process.pid)
    process.wait()
    return process.pid, start


def test_an_owner_leaves_nothing_behind(folder):
    with owned(folder) as check:
        check()
        assert (folder / "owner.json").is_file()
    assert not folder.exists()


def test_a_state_stays_when_its_owner_goes(folder):
    with owned(folder):
        (folder / "state.pt").touch()
    assert [path.name for path in folder.iterdir()] == ["state.pt"]


def test_a_living_owner_is_waited_for(folder):
    write(folder, Owner.this(None))
    with pytest.raises(Impatient), owned(folder, wait=looks(100)):
        pass


def test_an_owner_that_has_ended_is_followed_at_once(folder):
    pid, start = ended_process()
    write(folder, replace(Owner.this(None), pid=pid, started=start))
    with owned(folder, wait=looks(1)) as check:
        check()


def test_a_number_that_another_process_has_by_now_is_no_owner(folder):
    write(folder, replace(Owner.this(None), started="1"))
    with owned(folder, wait=looks(1)) as check:
        check()


def test_an_orphan_is_given_time_to_stop(folder, monkeypatch):
    pid, start = ended_process()
    write(folder, replace(Owner.this(None), parent=pid, parent_started=start))
    with pytest.raises(Impatient), owned(folder, wait=looks(100)):
        pass
    monkeypatch.setattr(ownership, "PATIENCE", 0)
    with owned(folder, wait=looks(2)) as check:
        check()


def test_another_machine_keeps_its_run_as_long_as_it_touches_its_file(folder, elsewhere, monkeypatch):
    write(folder, elsewhere)
    monkeypatch.setattr(ownership, "LEASE", 0)
    touched = iter(range(1, 1000))

    def touch():
        os.utime(folder / "owner.json", (next(touched),) * 2)

    with pytest.raises(Impatient), owned(folder, wait=looks(100, touch)):
        pass
    with owned(folder, wait=looks(3)) as check:  # and loses it when it no longer does
        check()


def test_a_requeued_slurm_job_follows_itself_at_once(folder, elsewhere, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    write(folder, replace(elsewhere, slurm_job="6"))
    with pytest.raises(Impatient), owned(folder, wait=looks(100)):
        pass
    write(folder, replace(elsewhere, slurm_job="7"))
    with owned(folder, wait=looks(1)) as check:
        check()


def test_an_owner_without_a_name_is_waited_for_until_its_lease_ends(folder, monkeypatch):
    folder.mkdir()
    (folder / "owner.json").write_text("{")
    with pytest.raises(Impatient), owned(folder, wait=looks(100)):
        pass
    monkeypatch.setattr(ownership, "LEASE", 0)
    with owned(folder, wait=looks(3)) as check:
        check()


def test_who_was_taken_over_is_told_before_it_writes_and_leaves_the_new_owner_alone(folder, elsewhere):
    with pytest.raises(Interrupted, match="another process has taken this run over"), owned(folder) as check:
        write(folder, elsewhere)
        check()
    assert json.loads((folder / "owner.json").read_text()) == asdict(elsewhere)
