"""What a workflow shows of itself: stages, the time until the report, and what failed."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from relscale.storage.process import EXIT_CODE
from relscale.workflow.progress import WorkflowProgress, clock, duration
from snakemake_logger_plugin_relscale import LogHandler


def progress(**expected: float) -> WorkflowProgress:
    found = WorkflowProgress(processors=2, expected=expected)
    found.plan({"train": 4, "score": 2, "fit": 1, "write_report": 1, "all": 1, "total": 9})
    return found


def test_all_stages_count_in_the_time_until_the_report() -> None:
    # Trainings of 100 s in all, two at a time: 50 s; scoring a quarter of that, two at a time; fit 25 s, report 5 s.
    assert progress(train=100.0).seconds_left(0.0) == pytest.approx(50 + 12.5 + 25 + 5)


def test_what_jobs_took_replaces_what_the_plan_expected() -> None:
    found = progress(train=100.0)
    for job in range(2):
        found.start(job, "train", 0.0)
    for job in range(2):
        assert found.finish(job, 100.0) is None
    # Each of the other two trainings takes 100 s too; scoring a quarter of 400 s.
    assert found.seconds_left(100.0) == pytest.approx(100 + 50 + 25 + 5)


def test_a_stage_is_over_with_its_last_job_and_nothing_is_left_with_the_last_stage() -> None:
    found = WorkflowProgress(1)
    found.plan({"fit": 1, "write_report": 1})
    found.start(1, "fit", 0.0)
    stage = found.finish(1, 5.0)
    assert stage is not None
    assert stage.name == "fit"
    found.start(2, "write_report", 5.0)
    found.finish(2, 6.0)
    assert found.is_done
    assert found.seconds_left(6.0) == 0


@pytest.mark.parametrize(("seconds", "said"), [(2, "5 s"), (42, "40 s"), (58, "1 min"), (7500, "2 h 5 min")])
def test_times_are_written_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_clock_has_hours_only_where_there_are_some() -> None:
    assert (clock(7), clock(760), clock(7509)) == ("0:07", "12:40", "2:05:09")


def handler(**settings: Any) -> LogHandler:
    given = dict.fromkeys(
        ("quiet", "dryrun", "verbose", "printshellcmds", "debug_dag", "show_failed_logs", "stdout"), False
    )
    return LogHandler(SimpleNamespace(**given | {"quiet": set()} | settings), None)


def record(message: str = "", level: int = logging.INFO, **facts: Any) -> logging.LogRecord:
    made = logging.LogRecord("snakemake", level, "", 0, message, (), None)
    vars(made).update(facts)
    return made


def test_elsewhere_than_in_a_terminal_there_is_one_line_per_stage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELSCALE_PROGRESS_IN_LOG", "")
    shown = handler()
    shown.emit(record(event=LogEvent.RUN_INFO, stats={"plot": 2, "write_report": 1, "total": 3}))
    for job, rule in enumerate(("plot", "plot", "write_report")):
        shown.emit(record("Select jobs to execute..."))
        shown.emit(record(event=LogEvent.JOB_INFO, jobid=job, rule_name=rule))
        shown.emit(record(event=LogEvent.JOB_FINISHED, job_id=job))
    shown.emit(record("4 gaps widen", for_readers=True))
    shown.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("to do: figures 2, report 1; report in about ")
    assert [line.split()[1:3] for line in lines[1:3]] == [["figures", "2/2;"], ["report", "1/1"]]
    assert lines[3:] == ["4 gaps widen"]


def test_a_plan_that_is_reported_twice_is_shown_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snakemake does so with ``-e dryrun``."""
    monkeypatch.setenv("RELSCALE_PROGRESS_IN_LOG", "")
    shown = handler()
    for _ in range(2):
        shown.emit(record(event=LogEvent.RUN_INFO, stats={"fit": 1, "total": 1}))
    shown.emit(record(event=LogEvent.RUN_INFO, stats={"fit": 2, "total": 2}))
    assert [line.partition(";")[0] for line in capsys.readouterr().err.splitlines()] == [
        "to do: fit 1",
        "to do: fit 2",
    ]


def test_what_failed_is_shown_and_names_in_it_are_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELSCALE_PROGRESS_IN_LOG", "")
    shown = handler()
    shown.emit(record("fit failed; its log ends with [red]x[/red]", logging.ERROR))
    assert capsys.readouterr().err == "fit failed; its log ends with [red]x[/red]\n"


def test_a_training_that_was_asked_to_stop_is_no_error_and_said_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELSCALE_PROGRESS_IN_LOG", "")
    shown = handler()
    for status in (EXIT_CODE, EXIT_CODE, 1):
        error = f"CalledProcessError: Command 'relscale train' returned non-zero exit status {status}."
        shown.emit(record(error, logging.ERROR))
    lines = capsys.readouterr().err.splitlines()
    assert (
        lines[0] == "training stopped (exit status 85); its state is saved, and the same command resumes it"
    )
    assert [line.rpartition(" ")[2] for line in lines[1:]] == ["1."]


def test_a_dry_run_is_shown_as_snakemake_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    shown = handler(dryrun=True, stdout=True)
    shown.emit(record("Job stats:\nfit 1", event=LogEvent.RUN_INFO, stats={"fit": 1}))
    assert "Job stats:" in capsys.readouterr().out
