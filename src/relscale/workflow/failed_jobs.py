"""The errors of failed jobs, on the terminal of the workflow.

Snakemake reports which command failed, and the reason is in a log. Its own ``show-failed-logs`` prints whole logs, and
is silenced together with the lines about every rule (``quiet: rules``).
"""

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

SENTENCE = re.compile(
    r"relscale [a-z]+: "
)  # prefix of the last line of a command that failed with an error message
STOPPED = re.compile(r"relscale( [a-z]+)?: stopped by|KeyboardInterrupt")  # stopped with the workflow
LINES = 15  # shown of any other log
MOST_BYTES = 20_000  # read from the end of a log


class FailedJobs(logging.Handler):
    """Log handler that shows the end of each failed job's log, once."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(logging.ERROR)
        self.logger = logger
        self.shown: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Show the logs of the failed jobs of a record."""
        event = getattr(record, "event", None)
        jobs: list[Mapping[str, Any]] = []
        further: list[str] = []
        if event == LogEvent.GROUP_ERROR:  # several jobs, some of which may have succeeded
            jobs_of_record: list[Mapping[str, Any]] = getattr(record, "job_error_info", [])
            jobs = [job for job in jobs_of_record if not all(Path(file).exists() for file in job["output"])]
            further = getattr(record, "aux_logs", [])
        elif event == LogEvent.JOB_ERROR and not getattr(record, "indent", False):
            jobs = [vars(record)]
        lines = [line for job in jobs for line in _log_end(job["rule_name"], job["log"])]
        if jobs and not lines:
            lines = list(_log_end("/".join(job["rule_name"] for job in jobs), further)) or [_silent(jobs)]
        for line in lines:
            if line and line not in self.shown:  # a retried job fails with the same message
                self.shown.add(line)
                self.logger.error(line)


def _log_end(rule: str, logs: list[str]) -> Iterator[str]:
    """The end of the first log with content: the rule's own, else the cluster's; empty for a stopped job."""
    for log in logs:
        lines = _end(Path(log))
        if lines and STOPPED.match(lines[-1]):
            yield ""
            return
        if lines:
            shown = lines[-1:] if SENTENCE.match(lines[-1]) else lines[-LINES:]
            yield "\n".join([f"{rule} failed; its log, {log}, ends with", *(f"    {line}" for line in shown)])
            return


def _silent(jobs: list[Mapping[str, Any]]) -> str:
    rules = ", ".join(dict.fromkeys(job["rule_name"] for job in jobs))
    logs = ", ".join(file for job in jobs for file in job["log"])
    return f"{rules} failed without a message, like a killed job or one out of memory ({logs or 'no log'})"


def _end(log: Path) -> list[str]:
    """The last nonempty lines of a file; none if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - MOST_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.split("\n") if line.strip()]
