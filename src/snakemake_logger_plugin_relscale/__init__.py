"""A logger plugin for Snakemake: a live block of stages in a terminal, one line per stage otherwise.

It shows the progress of each stage and the expected time until the report; failed jobs are shown with the last lines of
their logs (``relscale.workflow.failed_jobs``). The output of a dry run is Snakemake's own. Snakemake finds the plugin
by the name of this package; ``profiles/default`` uses it if it is installed.
"""

import logging
import os
import sys
import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from snakemake.logging import DefaultFilter, DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from relscale.printable import printable
from relscale.storage.process import EXIT_CODE
from relscale.workflow import progress as workflow_progress
from relscale.workflow.progress import Stage, WorkflowProgress, clock, duration

FOR_READERS = "for_readers"  # attribute of records whose message is always shown
NOTHING = "Nothing to be done"
STOPPED = f"returned non-zero exit status {EXIT_CODE}."  # of a training that saved its state
PROGRESS_IN_LOG = "RELSCALE_PROGRESS_IN_LOG"  # jobs write their progress to their logs, not to the terminal


class Terminal(Console):
    """Standard error; after its reader has ended (``relscale run … 2>&1 | head``), the workflow continues."""

    def on_broken_pipe(self) -> None:
        """Discard further output, including that of jobs; rich would end the workflow."""
        self.quiet = True
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, self.file.fileno())
        os.close(null_device)


class LogHandler(LogHandlerBase):
    """Shows the events of a workflow on standard error."""

    def __post_init__(self) -> None:
        """Take over the terminal, except in a dry run, whose output is Snakemake's."""
        settings: Any = self.common_settings
        self._plain = bool(settings.dryrun or settings.verbose or settings.printshellcmds)
        self._filter = DefaultFilter(
            settings.quiet, settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds
        )
        self._format = DefaultFormatter(settings.quiet, settings.show_failed_logs)
        self._console = Terminal(stderr=True, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._progress = WorkflowProgress(os.cpu_count() or 1)
        self._planned: dict[str, int] = {}  # jobs by rule
        self._began = time.monotonic()
        self._shown: set[str] = set()
        self._is_over = False
        self._was_stopped = False
        if not self._plain:
            os.environ[PROGRESS_IN_LOG] = "1"

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record."""
        try:
            if self._plain:
                self._emit_plain(record)
            else:
                self._emit(record)
        except Exception:  # an error of display must not stop the workflow
            self.handleError(record)

    def _emit_plain(self, record: logging.LogRecord) -> None:
        if self._filter.filter(record):
            text = self._format.format(record)
            if text:
                print(
                    printable(text),
                    file=sys.stdout if self.common_settings.stdout else sys.stderr,
                    flush=True,
                )

    def _emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        now = time.monotonic()
        facts = vars(record)
        if event == LogEvent.RUN_INFO:
            self._start({rule: jobs for rule, jobs in facts["stats"].items() if isinstance(jobs, int)})
        elif event == LogEvent.JOB_INFO:
            self._progress.start(facts["jobid"], facts["rule_name"], now)
        elif event == LogEvent.JOB_FINISHED:
            stage = self._progress.finish(facts["job_id"], now)
            if stage:
                self._finished(stage, now)
            if self._progress.is_done:
                self._stop()
        elif event == LogEvent.JOB_ERROR:
            self._progress.fail(facts.get("jobid", -1))
        elif event == LogEvent.GROUP_ERROR:
            for job in facts.get("job_error_info", ()):
                self._progress.fail(job.get("jobid", -1))
        elif event == LogEvent.ERROR or record.levelno >= logging.WARNING:
            text = self._format.format(record) or record.getMessage()
            if STOPPED not in text:
                self._say(text)
            elif not self._was_stopped:
                self._was_stopped = True
                self._say(
                    f"training stopped (exit status {EXIT_CODE}); its state is saved, and the same command resumes it"
                )
        elif facts.get(FOR_READERS) or NOTHING in record.getMessage():
            self._say(record.getMessage())

    def _start(self, jobs: dict[str, int]) -> None:
        if jobs == self._planned:  # the executor dryrun ends with its plan again
            return
        self._planned = jobs
        self._progress = WorkflowProgress(os.cpu_count() or 1, workflow_progress.expected_seconds)
        self._progress.plan(jobs)
        if not self._progress.stages:
            return
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self._block,
                refresh_per_second=2,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        else:
            stages = ", ".join(f"{stage.name} {stage.jobs}" for stage in self._progress.stages.values())
            self._say(
                f"to do: {stages}; report in about {duration(self._progress.seconds_left(time.monotonic()))}"
            )

    def _finished(self, stage: Stage, now: float) -> None:
        if self._live is None and stage.rule not in self._shown:
            self._shown.add(stage.rule)
            left = self._progress.seconds_left(now)
            end = f"; report in about {duration(left)}" if left > 0 else ""
            self._say(f"{clock(now - self._began):>8}  {stage.name} {stage.done}/{stage.jobs}{end}")

    def _block(self) -> Table:
        """The live block: one line per stage, and the expected time until the report."""
        now = time.monotonic()
        table = Table.grid(padding=(0, 2))
        for stage in self._progress.stages.values():
            running = len(stage.running)
            state = "✓" if stage.is_done else f"{running} running" if running else ""
            table.add_row(
                Text(stage.name, style="bold" if running else ""),
                ProgressBar(total=stage.jobs, completed=stage.done, width=30),
                Text(f"{stage.done}/{stage.jobs}"),
                Text(state, style="green" if stage.is_done else "dim"),
            )
        left = self._progress.seconds_left(now)
        table.add_row(
            Text(clock(now - self._began), style="dim"),
            Text(self._end(left), style="bold"),
        )
        return table

    def _end(self, left: float) -> str:
        if self._progress.is_done:
            return "done"
        return "stopped before the end" if self._is_over else f"report in about {duration(left)}"

    def _say(self, text: str) -> None:
        """Print a line, above the live block if there is one."""
        if text:
            self._console.print(Text(printable(text)))

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def close(self) -> None:
        """Release the terminal."""
        self._is_over = True
        self._stop()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """True: standard error."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """False."""
        return False

    @property
    def has_filter(self) -> bool:
        """True: this handler filters records itself."""
        return True

    @property
    def has_formatter(self) -> bool:
        """True: this handler formats records itself."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """False."""
        return False
