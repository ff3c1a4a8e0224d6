"""Lock files of Snakemake's are removed where the workflow that took them was killed, and only there."""

import json
import subprocess
import sys
import time

import pytest
from one_sentence import assert_one_sentence

from relscale.workflow.lock_files import RECORD, clear_stale_locks, refusal

WORKFLOW = """
import sys, time
from pathlib import Path
from relscale.workflow.lock_files import share_lock

share_lock(Path(sys.argv[1]))
print("shared", flush=True)
time.sleep(60)
"""


@pytest.fixture(name="start")
def workflows(tmp_path):
    processes = []

    def start(name):
        take_lock(tmp_path, name)
        process = subprocess.Popen(
            [sys.executable, "-c", WORKFLOW, tmp_path], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout.readline() == "shared\n"
        return process

    yield start
    for process in processes:
        kill(process)


def take_lock(folder, name="0.output.lock"):
    lock = folder / "locks" / name
    lock.parent.mkdir(exist_ok=True)
    lock.write_text("results/a\n")
    return lock


def locks(folder):
    return sorted(path.name for path in (folder / "locks").iterdir())


def kill(process):
    process.kill()
    process.wait()


def test_the_lock_of_a_killed_workflow_is_cleared_and_said_to_be(start, tmp_path):
    kill(start("0.output.lock"))
    (line,) = clear_stale_locks(tmp_path)
    assert "was killed; its lock is cleared" in line
    assert not locks(tmp_path)
    assert clear_stale_locks(tmp_path) == []


def test_the_lock_of_a_living_workflow_stays(start, tmp_path):
    start("0.output.lock")
    assert clear_stale_locks(tmp_path) == []
    assert locks(tmp_path)
    assert_one_sentence(refusal(tmp_path))
    assert "wait until it has ended, and do not use --unlock" in refusal(tmp_path)


def test_while_another_workflow_lives_nothing_is_cleared_and_all_of_it_later(start, tmp_path):
    first, second = start("0.output.lock"), start("1.output.lock")
    kill(first)
    assert clear_stale_locks(tmp_path) == []
    assert "do not use --unlock" in refusal(tmp_path)
    assert locks(tmp_path) == ["0.output.lock", "1.output.lock"]
    kill(second)
    assert clear_stale_locks(tmp_path)
    assert not locks(tmp_path)


def test_a_lock_that_another_took_under_the_same_name_stays(start, tmp_path):
    kill(start("0.output.lock"))
    (tmp_path / "locks" / "0.output.lock").unlink()
    time.sleep(0.01)
    take_lock(tmp_path)
    assert clear_stale_locks(tmp_path) == []
    assert locks(tmp_path)


def test_a_lock_without_a_record_stays(tmp_path):
    lock = take_lock(tmp_path)
    assert clear_stale_locks(tmp_path) == []
    assert lock.exists()
    assert_one_sentence(refusal(tmp_path))
    assert "if none is running, clear it: the same command with --unlock" in refusal(tmp_path)


def test_the_lock_of_another_machine_stays_and_the_remedy_is_reported(start, tmp_path):
    kill(start("0.output.lock"))
    record = tmp_path / RECORD
    record.write_text(json.dumps(json.loads(record.read_text()) | {"machine": "elsewhere"}))
    assert clear_stale_locks(tmp_path) == []
    assert locks(tmp_path)
    assert_one_sentence(refusal(tmp_path))
    assert "locked by a workflow on elsewhere; if that has ended, clear it" in refusal(tmp_path)


def test_a_record_that_cannot_be_read_clears_nothing(tmp_path):
    lock = take_lock(tmp_path)
    (tmp_path / RECORD).write_text('{"machine": ')
    assert clear_stale_locks(tmp_path) == []
    assert lock.exists()
