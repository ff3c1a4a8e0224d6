"""Training that is stopped or killed goes on as if it had not been. Real processes, real signals."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from relscale.design.run import run_to_dict
from relscale.storage.process import EXIT_CODE

pytestmark = pytest.mark.slow
OPTIONS = {
    "threads": 1,
    "precision": "float32",
    "validation_tokens": 500,
    "validation_points": 4,
    "max_epochs": 2.0,
    "checkpoints": [0.25, 0.7],
}
KILLED = -signal.SIGKILL


class Jobs:
    """Trainings in processes of their own."""

    def __init__(self, server, folder, tokens, vocabulary):
        self.server = server
        self.folder = folder
        self.job = {"tokens": str(tokens), "vocabulary": str(vocabulary)}
        self.ended = {}

    def start(self, run, store="store", at=None, send="SIGKILL", whom="self", options=None, **more):
        line = {
            **self.job,
            "run": run_to_dict(run),
            "store": str(self.folder / store),
            "output": str(self.folder / f"{store}.json"),
            "options": OPTIONS | (options or {}),
            "log": str(self.folder / "log"),
            **({"at": at, "send": send, "whom": whom} if at else {}),
            **more,
        }
        print(json.dumps(line), file=self.server.stdin, flush=True)
        while "started" not in (said := json.loads(self.server.stdout.readline())):
            self.ended[said["ended"]] = said["status"]
        return said["started"]

    def wait(self, process):
        while process not in self.ended:
            said = json.loads(self.server.stdout.readline())
            self.ended[said["ended"]] = said["status"]
        return self.ended[process]

    def train(self, *arguments, **named):
        """The exit status of a training."""
        return self.wait(self.start(*arguments, **named))

    def result(self, store="store"):
        (folder,) = (path for path in (self.folder / store / "runs").iterdir() if path.suffix != ".state")
        record = json.loads((folder / "run.json").read_text())
        del record["seconds"]
        names = [
            "model.safetensors",
            "curve.parquet",
            *(f"checkpoints/step-{n}/model.safetensors" for n in (10, 28)),
        ]
        return [(folder / name).read_bytes() for name in names], record

    def states(self, store="store"):
        return list((self.folder / store / "runs").glob("*.state/state.pt"))


@pytest.fixture(scope="module")
def server():
    script = Path(__file__).with_name("job_server.py")
    process = subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.stdin.close()
    process.wait()


@pytest.fixture
def jobs(server, tmp_path, tokens, vocabulary):
    return Jobs(server, tmp_path, tokens, vocabulary)


def test_a_training_killed_anywhere_ends_bit_for_bit_like_one_that_was_not(run, jobs):
    always = {"save_every": 0}
    assert jobs.train(run, "whole") == 0
    assert jobs.train(run, at=["step", 3]) == KILLED
    assert not jobs.states()  # a run of seconds saves nothing on its own
    assert jobs.train(run, at=["step", 6], send="SIGTERM") == EXIT_CODE
    assert jobs.states()
    assert jobs.train(run, at=["step", 11]) == KILLED
    assert jobs.train(run, at=["step", 12], send="SIGUSR1") == EXIT_CODE
    assert jobs.train(run, at=["save", 3], options=always) == KILLED
    assert jobs.train(run, at=["validation", 1], send="SIGINT") == EXIT_CODE
    assert jobs.train(run, at=["export", 1]) == KILLED  # of the checkpoint at step 28
    assert jobs.train(run, at=["export", 2]) == KILLED  # of the end
    assert jobs.train(run, at=["end", 1]) == KILLED
    assert jobs.train(run, at=["step", 39]) == 0  # that step was done, and does not come again
    assert jobs.result() == jobs.result("whole")
    assert len(list((jobs.folder / "store" / "runs").iterdir())) == 1


def test_who_finds_a_run_in_training_waits_for_it(run, jobs):
    first = jobs.start(run, at=["step", 5], send="SIGSTOP")
    wait_until_stopped(first)
    second = jobs.start(run)
    wait_until_said(jobs, f"waiting for process {first}")
    os.kill(first, signal.SIGCONT)
    assert jobs.wait(first) == jobs.wait(second) == 0


def test_a_training_stops_when_the_process_that_ordered_it_is_killed(run, jobs):
    with ordering_process() as parent:
        status = jobs.train(run, at=["step", 8], whom=parent.pid, parent=parent.pid)
    assert status == EXIT_CODE
    assert jobs.states()
    assert jobs.train(run) == 0
    assert jobs.train(run, "whole") == 0
    assert jobs.result() == jobs.result("whole")


def test_an_orphan_that_hangs_loses_its_run_and_writes_nothing_more(run, jobs):
    with ordering_process() as parent:
        orphan = jobs.start(run, at=["step", 8], send="SIGSTOP", parent=parent.pid, options={"save_every": 0})
        wait_until_stopped(orphan)
        parent.kill()
    assert jobs.train(run, patience=0, at=["step", 25], send="SIGTERM") == EXIT_CODE
    (state,) = jobs.states()
    before = state.stat()
    os.kill(orphan, signal.SIGCONT)  # it would save after its step
    assert jobs.wait(orphan) == EXIT_CODE
    assert "another process has taken over this run" in (jobs.folder / "log").read_text()
    assert state.stat() == before


class ordering_process(subprocess.Popen):
    """A process that a training can be told has ordered it."""

    def __init__(self):
        super().__init__(["sleep", "600"])

    def __exit__(self, *_):
        self.kill()
        self.wait()


def wait_until_stopped(process):
    while Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        pass


def wait_until_said(jobs, words):
    log = jobs.folder / "log"
    while not log.exists() or words not in log.read_text():
        pass
