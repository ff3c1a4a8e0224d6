"""A lock of Snakemake's is cleared where its owner is gone, and only there."""

import json
import os
import subprocess
import sys
import time

import pytest

from relscale.workflow_lock import RECORDS, clear_stale_locks

OWNER = """
import sys, time
from pathlib import Path
from relscale.workflow_lock import record_locks

folder = Path(sys.argv[1])
record_locks(folder, [folder / "locks" / "0.output.lock"])
print("recorded", flush=True)
time.sleep(60)
"""


@pytest.fixture(name="owner")
def process_with_a_lock(tmp_path):
    take_lock(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", OWNER, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "recorded\n"
    yield process
    process.kill()
    process.wait()


def take_lock(folder):
    lock = folder / "locks" / "0.output.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.write_text("results/a\n")
    return lock


def kill(process):
    process.kill()
    process.wait()


def test_the_lock_of_a_killed_process_is_cleared_and_said_to_be(owner, tmp_path):
    kill(owner)
    (line,) = clear_stale_locks(tmp_path)
    assert str(owner.pid) in line
    assert not list((tmp_path / "locks").iterdir())
    assert clear_stale_locks(tmp_path) == []


def test_the_lock_of_a_living_process_stays(owner, tmp_path):
    assert clear_stale_locks(tmp_path) == []
    assert list((tmp_path / "locks").iterdir())


def test_a_lock_that_another_took_under_the_same_name_stays(owner, tmp_path):
    kill(owner)
    (tmp_path / "locks" / "0.output.lock").unlink()
    time.sleep(0.01)
    take_lock(tmp_path)
    assert clear_stale_locks(tmp_path) == []
    assert list((tmp_path / "locks").iterdir())


def test_a_lock_without_a_record_stays(tmp_path):
    lock = take_lock(tmp_path)
    assert clear_stale_locks(tmp_path) == []
    assert lock.exists()


def test_the_lock_of_another_machine_stays_and_the_remedy_is_said(owner, tmp_path):
    kill(owner)
    (record,) = (tmp_path / RECORDS).iterdir()
    record.write_text(json.dumps(json.loads(record.read_text()) | {"machine": "elsewhere"}))
    (line,) = clear_stale_locks(tmp_path)
    assert "elsewhere" in line
    assert "--unlock" in line
    assert list((tmp_path / "locks").iterdir())


def test_a_record_that_cannot_be_read_is_left_alone(tmp_path):
    lock = take_lock(tmp_path)
    (tmp_path / RECORDS).mkdir()
    (tmp_path / RECORDS / "half.json").write_text('{"machine": ')
    assert clear_stale_locks(tmp_path) == []
    assert lock.exists()
    assert os.listdir(tmp_path / RECORDS) == ["half.json"]
