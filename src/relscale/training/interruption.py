"""Stop requests of a training, and the exit code of the command.

SIGTERM (a cluster that needs the node), SIGUSR1 (Slurm's warning before the time limit), SIGINT (a person), and the end
of the process that started the training. Each stops it after the current step and saves its state; the command then
exits with ``EXIT_CODE``, and the same command resumes. It does not requeue itself.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from relscale.storage.process import SECONDS_BETWEEN_CHECKS, started

CHANGES_NO_NUMBER = "stops a training early; a resumed one has the same numbers"

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
WATCH = "watch of the parent"  # the thread's name


class Interrupted(Exception):
    """A training was interrupted; its state is saved."""


@dataclass(frozen=True)
class Control:
    """Reasons to end a training early.

    Attributes
    ----------
    stop_requested
        Whether to stop after the current step.
    still_owned
        Called before every write; raises `Interrupted` if another process has taken over the run.
    """

    stop_requested: Callable[[], bool] = lambda: False
    still_owned: Callable[[], None] = lambda: None


UNINTERRUPTED = Control()


class Interruption:
    """Whether this process was asked to stop, and the reason."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def ask(self, reason: str) -> None:
        """Request a stop; the first reason is kept."""
        self.reason = self.reason or reason

    def check(self) -> None:
        """Raise `Interrupted` if a stop was requested."""
        if self.reason:
            raise Interrupted(f"stopped by {self.reason}; the same command resumes the run")


@contextmanager
def interruptible(parent: int | None = None) -> Iterator[Interruption]:
    """Handle signals as stop requests, and watch that the process ``parent`` is alive.

    A workflow that is killed leaves its children running, each under its own shell, so that the process to watch is not
    the direct parent; the rule gives its number.
    """
    interruption = Interruption()

    def receive(number: int, frame: FrameType | None) -> None:
        interruption.ask(signal.Signals(number).name)

    in_main_thread = threading.current_thread() is threading.main_thread()  # elsewhere no signal can be taken
    before = {number: signal.signal(number, receive) for number in SIGNALS} if in_main_thread else {}
    over = threading.Event()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent, interruption, over), name=WATCH, daemon=True).start()
    try:
        yield interruption
    finally:
        over.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(parent: int, interruption: Interruption, over: threading.Event) -> None:
    """Request a stop when the parent process ends."""
    start = started(parent)
    while start is not None and not over.wait(SECONDS_BETWEEN_CHECKS):
        if started(parent) != start:
            break
    if not over.is_set():
        interruption.ask(f"the end of its parent process {parent}")
