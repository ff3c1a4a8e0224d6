"""The end of a failed job's log is on the terminal, once, whichever way the job ran."""

import logging

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from relscale.workflow.failed_jobs import LINES, FailedJobs

SENTENCE = "relscale score: suite mine: unknown option 'colour'; allowed are path, baseline"


@pytest.fixture
def workflow(tmp_path, monkeypatch):
    """A function that says that jobs failed, as Snakemake does, and gives what is then on the terminal."""
    monkeypatch.chdir(tmp_path)
    logger = logging.Logger("workflow")
    said = []
    terminal = logging.Handler()
    terminal.emit = lambda record: said.append(record.getMessage()) if not hasattr(record, "event") else None
    logger.addHandler(terminal)
    logger.addHandler(FailedJobs(logger))

    def failed(**facts):
        said.clear()
        logger.error("Error", extra=facts)
        return said[:]

    return failed


def job(rule="suite", *logs, output=("out",)):
    return {"event": LogEvent.JOB_ERROR, "rule_name": rule, "log": list(logs), "output": list(output)}


def test_of_a_refusal_the_sentence_alone_is_shown(workflow, tmp_path):
    (tmp_path / "mine.log").write_text(f"a warning\n{SENTENCE}\n")
    (said,) = workflow(**job("suite", "mine.log"))
    assert said.splitlines() == ["suite failed; its log, mine.log, ends with", f"    {SENTENCE}"]


def test_of_anything_else_the_last_lines_are(workflow, tmp_path):
    (tmp_path / "a.log").write_text("".join(f"line {number}\n\n" for number in range(10_000)))
    (said,) = workflow(**job("fit", "a.log"))
    assert said.splitlines()[1:] == [f"    line {number}" for number in range(10_000 - LINES, 10_000)]


def test_a_job_that_is_tried_again_says_the_same_once(workflow, tmp_path):
    (tmp_path / "mine.log").write_text(f"{SENTENCE}\n")
    assert len(workflow(**job("suite", "mine.log"))) == 1
    assert workflow(**job("suite", "mine.log")) == []


def test_where_a_job_has_written_nothing_the_cluster_speaks(workflow, tmp_path):
    (tmp_path / "empty.log").touch()
    (tmp_path / "slurm.log").write_text("slurmstepd: error: Detected 1 oom_kill event\n")
    (said,) = workflow(**job("train", "empty.log", "slurm.log"))
    assert "oom_kill" in said
    (said,) = workflow(**job("train", "empty.log", "gone.log"))
    assert "train failed without a message" in said


@pytest.mark.parametrize(
    "last",
    [
        "relscale train: stopped by SIGINT; the same command resumes the run",
        "relscale: stopped by the end of its parent process 7",
        "KeyboardInterrupt",
    ],
)
def test_what_is_stopped_with_the_workflow_is_no_failure(workflow, tmp_path, last):
    (tmp_path / "a.log").write_text(f"Traceback (most recent call last):\n{last}\n")
    assert workflow(**job("train", "a.log")) == []


def test_of_jobs_that_share_an_allocation_those_that_failed_are_shown(workflow, tmp_path):
    (tmp_path / "done.log").write_text("a warning\n")
    (tmp_path / "done.parquet").touch()
    (tmp_path / "mine.log").write_text(f"{SENTENCE}\n")
    jobs = [job("collect", "done.log", output=["done.parquet"]), job("suite", "mine.log")]
    (said,) = workflow(event=LogEvent.GROUP_ERROR, job_error_info=jobs, aux_logs=["slurm.log"])
    assert SENTENCE in said
    assert workflow(**job("suite", "mine.log"), indent=True) == []  # each job once more, by Snakemake


def test_a_log_in_another_encoding_is_shown_all_the_same(workflow, tmp_path):
    (tmp_path / "a.log").write_bytes("relscale fit: Prüfung\n".encode("latin-1"))
    (said,) = workflow(**job("fit", "a.log"))
    assert "relscale fit: Pr" in said
