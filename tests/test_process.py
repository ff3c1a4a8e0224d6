"""Commands that end with the process that ordered them."""

import subprocess
import sys
import time

import pytest

from relscale.cli import parser
from relscale.storage.process import started

WAITING = """
import sys, time
from relscale.storage.process import end_with
end_with(int(sys.argv[1]))
print("waiting", flush=True)
time.sleep(60)
"""
POOL = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from relscale.storage.process import end_with_parent
with ProcessPoolExecutor(1, initializer=end_with_parent) as pool:
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 60).result()
"""

RUN = """
from pathlib import Path
from relscale.commands.run import run_workflow
run_workflow(Path("config.yaml"), ["--snakefile=Snakefile", "--cores=1", "--workflow-profile=none"])
"""
# A rule that writes the process of its Snakemake and does not end.
SNAKEFILE = """
rule waiting:
    output: "done"
    shell: "echo $PPID > started.partial; mv started.partial started; sleep 60"
"""


def python(code, *arguments, **options):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.slow
def test_a_command_ends_with_the_process_that_ordered_it_however_that_was_killed():
    order = subprocess.Popen(["sleep", "60"])
    command = python(WAITING, order.pid)
    assert command.stdout.readline() == "waiting\n"
    assert command.poll() is None
    order.kill()
    order.wait()
    assert command.wait(timeout=10) == 85
    assert (
        command.stderr.read() == f"relscale: stopped because process {order.pid}, which started it, ended\n"
    )


@pytest.mark.slow
def test_a_workflow_ends_with_the_command_that_runs_it_however_that_was_killed(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "config.yaml").write_text("{}")
    command = python(RUN, cwd=tmp_path)
    until = time.monotonic() + 120
    while not (tmp_path / "started").is_file():
        assert command.poll() is None, command.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)
    snakemake = int((tmp_path / "started").read_text())
    assert started(snakemake) is not None
    command.kill()
    command.wait()
    until = time.monotonic() + 30
    while started(snakemake) is not None:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
def test_a_process_of_a_pool_ends_with_the_one_that_started_it():
    command = python(POOL)
    worker = int(command.stdout.readline())
    assert started(worker) is not None
    command.kill()
    command.wait()
    until = time.monotonic() + 10
    while started(worker) is not None:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(
    "verb", ["plan", "corpus", "tokenize", "train", "score", "collect", "fit", "export", "plot"]
)
def test_every_verb_takes_the_process_that_ordered_it(verb):
    choices = next(action.choices for action in parser()._actions if action.dest == "verb")
    assert any("--parent" in action.option_strings for action in choices[verb]._actions)
