"""The workflow through a real Slurm, its controller stopped, its jobs cancelled, requeued and warned on the way."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from relscale.storage.tables import read_table

sys.path.insert(0, str(Path(__file__).parent))
import slurm_cluster
import warm_relscale

ROOT = Path(__file__).parents[2]
SOON = ["--slurm-init-seconds-before-status-checks", 1, "--max-status-checks-per-second", 10]
# One job before the trainings and one after them: the plugin waits longer from one look at its jobs to the next.
GROUPS = [
    *(f"{rule}=text" for rule in ("corpus", "vocabulary", "tokenize", "suite")),
    *(f"{rule}=analysis" for rule in ("score", "collect", "fit", "write_report")),
]
BUDGET = "2e9"
RULE = f"rule_train_wildcards_documentation_{BUDGET}"
ASKED = 0.3  # seconds between two questions to Slurm, which take its daemons as much time as the jobs
SAVED = "the same command resumes the run"  # what a training says that has saved its state, and exits with 85
# Trainings, which are stopped, and their Snakemakes are processes of their own. What other jobs run has been imported
# before: `relscale`, and the Python that Snakemake calls in a job.
RELSCALE = """#!/bin/sh
export PYTHONPATH="{source}"
[ "$1" = train ] && exec "{python.parent}/relscale" "$@"
exec "{warm}/relscale" "$@"
"""
PYTHON = """#!/bin/sh
export PYTHONPATH="{source}"
case "$*" in "-m snakemake "*" train:"*) exec "{python}" "$@" ;; esac
PYTHON_COMMAND=$0 exec "{warm}/relscale" "$@"
"""
SNAKEMAKE = "import sys; from snakemake.cli import main; sys.executable = sys.argv.pop(1); main()"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(slurm_cluster.missing() is not None, reason=str(slurm_cluster.missing())),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with slurm_cluster.cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory, make_experiment, cluster):
    """The experiment after all of that, with one training whose three jobs are cancelled, warned and requeued."""
    config = yaml.safe_load(Path(__file__).with_name("tiny.yaml").read_text())
    config["design"]["budgets"] = [BUDGET]
    config["fit"]["frontier"] = "all"
    experiment = make_experiment(tmp_path_factory.mktemp("disturbed"), config)
    (experiment.folder / "slurm").symlink_to(ROOT / "slurm")
    commands = tmp_path_factory.mktemp("commands")
    python, warm = Path(sys.executable), warm_relscale.folder_of_command(str(experiment.source))
    for name, script in (("relscale", RELSCALE), ("python", PYTHON)):
        (commands / name).write_text(script.format(python=python, warm=warm, source=experiment.source))
        (commands / name).chmod(0o755)
    path = os.pathsep.join(map(str, [commands, python.parent, cluster.environment["PATH"]]))
    experiment.environment |= cluster.environment | {"PATH": path}
    snakemake = [python, "-c", SNAKEMAKE, commands / "python"]
    workflow = experiment.start("--profile", "slurm", *SOON, "--groups", *GROUPS, command=snakemake)
    try:
        wait(lambda: jobs(cluster, "rule_text"), workflow, experiment, ASKED)
        with cluster.without_controller():
            asked = subprocess.run(["squeue"], env=cluster.environment, capture_output=True, check=False)
        assert asked.returncode, "the controller was there all the time"

        for place, command in enumerate((["scancel"], ["scancel", "--signal=USR1"], ["scontrol", "requeue"])):
            wait(lambda place=place: len(jobs(cluster, RULE)) == place + 1, workflow, experiment, ASKED)
            number = jobs(cluster, RULE)[place][0]
            wait(lambda number=number: is_training(number, experiment), workflow, experiment)
            cluster.call(*command, number)
            wait(lambda: has_saved(experiment), workflow, experiment)
        assert workflow.wait(timeout=900) == 0, experiment.said()
    finally:
        workflow.kill()
    return experiment


def wait(ready, workflow, experiment, pause=0.05):
    """Wait until it is ready; by default for what takes seconds, such as a training."""
    until = time.monotonic() + 900
    while not ready():
        assert workflow.poll() is None, experiment.said()
        assert time.monotonic() < until, experiment.said()
        time.sleep(pause)


def jobs(cluster, comment):
    """Slurm's numbers and states of the jobs of a rule, ended ones too."""
    lines = cluster.call("squeue", "--noheader", "--states=all", "--sort=i", "--format=%i %T %k").splitlines()
    return [line.split()[:2] for line in lines if line.split()[2].startswith(comment)]


def is_training(number, experiment):
    """Whether the job is training a run now: it owns one."""
    owners = experiment.folder.glob("results/store/runs/*.state/owner.json")
    return any(f'"{number}"' in read(path) for path in owners)


def has_saved(experiment):
    """Whether the training says that it was stopped and has saved its state; its next attempt writes the log anew."""
    return SAVED in read(experiment.folder / f"results/tiny/logs/train/documentation/{BUDGET}.log")


def read(path):
    try:
        return path.read_text()
    except FileNotFoundError:  # the run has ended, or the log is not there yet
        return ""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, disturbed):
    """The same training by hand, from the same tokens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for part in ("tokens", "vocabulary"):
        shutil.copytree(disturbed.folder / "results" / "tiny" / part, folder / "results" / "tiny" / part)
    command = ["relscale", "train", disturbed.folder / "experiment.yaml", "--corpus", "documentation"]
    command += ["--job", BUDGET, "--output", "runs.json"]
    subprocess.run(list(map(str, command)), cwd=folder, env=disturbed.warm_environment, check=True)
    return folder


def test_a_cancelled_warned_and_requeued_training_ends_with_the_weights_of_an_undisturbed_one(
    disturbed, undisturbed
):
    manifest = disturbed.folder / "results" / "tiny" / "runs" / "documentation" / f"{BUDGET}.json"
    expected = json.loads((undisturbed / "runs.json").read_text())
    assert json.loads(manifest.read_text()) == expected
    for run in expected:
        weights = Path(run["path"]) / "model.safetensors"
        assert (disturbed.folder / weights).read_bytes() == (undisturbed / weights).read_bytes()


def test_every_run_is_measured_and_fits_are_written(disturbed):
    results = disturbed.folder / "results" / "tiny"
    measured = read_table(results / "measurements.parquet")
    assert len(set(measured["run"].to_pylist())) == 3
    assert (results / "fits" / "fits.parquet").is_file()


def test_slurm_saw_what_was_done_to_the_trainings(disturbed, cluster):
    assert [state for _, state in jobs(cluster, RULE)] == ["CANCELLED", "FAILED", "COMPLETED"]
    shown = [cluster.call("scontrol", "show", "job", number) for number, _ in jobs(cluster, RULE)]
    assert [re.search(r"Restarts=(\d)", text)[1] for text in shown] == ["0", "0", "1"]


def test_a_warned_training_ends_with_the_exit_code_of_one_that_has_saved_its_state(disturbed, cluster):
    """All three say that they have saved it, and of the one that is warned Slurm's log has the exit code, 85.

    The Snakemake around one that is cancelled or requeued may be killed while it shuts down, before it writes that.
    """
    _, (warned, _), _ = jobs(cluster, RULE)
    (log,) = disturbed.folder.glob(f"results/slurm-logs/**/{warned}.log")
    assert "exit status 85" in log.read_text()


def test_a_training_is_granted_the_gpu_that_the_plan_asks_for(disturbed, cluster):
    for number, _ in jobs(cluster, RULE):
        assert re.search(r"TresPerJob=gres:gpu:1\b", cluster.call("scontrol", "show", "job", number))


def test_each_attempt_has_more_time_and_the_second_more_memory(disturbed, cluster):
    """The first has the time of the plan."""
    asked = [
        cluster.call("squeue", "--noheader", "--format=%l %m", "--states=all", f"--jobs={number}")
        for number, _ in jobs(cluster, RULE)
    ]
    times, memories = zip(*(each.split() for each in asked), strict=True)
    assert times == ("16:00", "32:00", "48:00")
    assert memories == ("8000M", "16000M", "16000M")


def test_small_jobs_share_an_allocation(disturbed, cluster):
    assert len(jobs(cluster, "rule_text")) == 1
    assert len(jobs(cluster, "rule_analysis")) == 1


def test_the_logs_of_all_jobs_are_kept(disturbed, cluster):
    numbers = {number for number, _ in jobs(cluster, "")}
    assert numbers == {path.stem for path in disturbed.folder.glob("results/slurm-logs/**/*.log")}


def test_without_accounting_sacct_is_answered_by_squeue(disturbed, cluster):
    name = cluster.call("squeue", "--noheader", "--states=all", "--format=%j").splitlines()[0]
    path = f"{ROOT}/slurm/bin:{cluster.environment['PATH']}"
    asked = subprocess.run(
        ["sacct", "-X", "--name", name],
        env=cluster.environment | {"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {tuple(line.split("|")) for line in asked.stdout.splitlines()} == {
        (number, state) for number, state in jobs(cluster, "")
    }
