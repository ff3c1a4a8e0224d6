"""Snakemake killed outright in the middle of a training, then the same command."""

import json
import os
import shutil
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from relscale.workflow.lock_files import refusal

pytestmark = pytest.mark.slow

COMMAND = [
    "results/micro/measurements.parquet",
    "--rerun-incomplete",
    "--workflow-profile",
    "none",
    "--cores",
    2,
]


@pytest.fixture(scope="module")
def killed(tmp_path_factory, make_experiment, micro):
    """The small experiment without some of its models, killed while it trains them again."""
    experiment = make_experiment(tmp_path_factory.mktemp("killed"), micro.config)
    for part in (".snakemake", "results"):
        shutil.copytree(micro.folder / part, experiment.folder / part)
    results = experiment.folder / "results" / "micro"
    manifest = results / "runs" / "documentation" / "1e9.json"
    for run in json.loads(manifest.read_text()):
        shutil.rmtree(experiment.folder / run["path"])
    for path in (
        manifest,
        results / "scores" / "documentation" / "all.json",
        results / "measurements.parquet",
    ):
        path.unlink()
    workflow = experiment.start(*COMMAND)
    until = time.monotonic() + 900
    while not owners(experiment):
        assert workflow.poll() is None, experiment.said()
        assert time.monotonic() < until, experiment.said()
        time.sleep(0.05)
    workflow.send_signal(signal.SIGKILL)
    workflow.wait()
    experiment.locks = list((experiment.folder / ".snakemake" / "locks").iterdir())
    experiment.again = experiment.call_snakemake(*COMMAND, *experiment.options())
    return experiment


def owners(experiment):
    return list(experiment.folder.glob("results/store/runs/*.state/owner.json"))


def test_the_same_command_clears_the_lock_and_ends_with_the_same_numbers(killed, micro):
    assert killed.locks
    assert killed.again.returncode == 0, killed.said() + killed.again.stderr
    assert "was killed; its lock is cleared" in killed.again.stdout + killed.again.stderr
    assert killed.measured() == micro.measured()


def test_no_run_is_owned_any_more_and_no_orphan_is_left(killed):
    assert not owners(killed)
    assert str(killed.folder) not in {working_folder(process) for process in Path("/proc").glob("[0-9]*")}


def working_folder(process):
    try:
        return os.readlink(process / "cwd")
    except OSError:  # it has ended
        return None


@contextmanager
def locked(experiment, file):
    """While another workflow makes a file."""
    lock = experiment.folder / ".snakemake" / "locks" / "0.output.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.write_text(f"{file}\n")
    yield
    lock.unlink(missing_ok=True)


def test_a_workflow_that_is_refused_its_lock_says_what_to_do_and_nothing_else(killed):
    with locked(killed, "results/micro/measurements.parquet"):
        refused = killed.call_snakemake(*COMMAND, "--forcerun", "collect", *killed.options())
    assert refused.returncode == 1
    (line,) = (line for line in refused.stderr.splitlines() if "lock" in line)
    assert line == f"Error: {refusal(killed.folder / '.snakemake')}"


def test_two_experiments_run_in_one_folder_at_the_same_time_each_with_its_own_config(killed):
    config = killed.folder / "results" / "micro" / "config.yaml"
    resolved = config.read_bytes()
    config.write_text("of an earlier run\n")
    with locked(killed, "results/another/report.html"):
        beside = killed.call_snakemake(*COMMAND, *killed.options())
    assert beside.returncode == 0, beside.stderr
    assert config.read_bytes() == resolved


def test_the_config_of_a_running_experiment_is_not_replaced(killed):
    config = killed.folder / "results" / "micro" / "config.yaml"
    resolved = config.read_bytes()
    config.write_text("of the running workflow\n")
    with locked(killed, "results/micro/report.html"):
        killed.call_snakemake(*COMMAND, *killed.options())
    assert config.read_text() == "of the running workflow\n"
    config.write_bytes(resolved)
