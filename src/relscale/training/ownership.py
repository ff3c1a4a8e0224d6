"""Ownership of a run: if several processes need it, one trains it and the others wait.

The owner holds the lock on a file in the folder of the run's state, which contains its name. The system releases
the lock when the process ends, also if its machine fails and the store is shared.

An owner can keep its lock without training: a training whose workflow was killed stops by itself, unless it hangs.
Therefore a process that waits on the same machine deletes the file of an owner whose parent ended ``PATIENCE`` ago, and
locks a new one. An owner checks its name in the file before each write. This also works if a file system
does not share locks between machines: the later owner replaces the file, and the earlier one stops.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from relscale.storage.lock import lock_if_free, locked
from relscale.storage.process import machine, started
from relscale.training.interruption import Interrupted
from relscale.training.state import OWNER

CHANGES_NO_NUMBER = "keeps two processes from training one run at once"

PATIENCE = 30.0  # seconds
SECONDS_BETWEEN_CHECKS = 0.5


@dataclass(frozen=True)
class Owner:
    """A process that owns a run, and its parent, each with its start time; and its Slurm job, if it has one."""

    machine: str
    pid: int
    started: str | None
    parent: int | None
    parent_started: str | None
    slurm_job: str | None = None

    @classmethod
    def this(cls, parent: int | None) -> "Owner":
        """This process, started by ``parent``."""
        pid = os.getpid()
        order = None if parent is None else started(parent)
        return cls(machine(), pid, started(pid), parent, order, os.environ.get("SLURM_JOB_ID"))

    def __str__(self) -> str:
        job = f", of the Slurm job {self.slurm_job}" if self.slurm_job else ""
        return f"process {self.pid} on {self.machine.split()[0]}{job}"

    def is_orphan(self) -> bool:
        """Whether it was started on this machine by a process that has ended."""
        return self.machine == machine() and (
            self.parent is not None
            and (self.parent_started is None or started(self.parent) != self.parent_started)
        )


@contextmanager
def owned(
    folder: Path,
    parent: int | None = None,
    wait: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Callable[[], None]]:
    """Acquire the run whose state is in ``folder``, waiting for its present owner; yields a check of ownership.

    Parameters
    ----------
    folder
        The run's state.
    parent
        Process that started the training.
    wait
        Called while another process owns the run; may raise, to stop waiting.
    say
        Called with messages on waiting and takeover.

    Yields
    ------
    Callable
        Raises `Interrupted` if another process has taken over the run; to be called before every write.

    Raises
    ------
    RelscaleError
        The file system has no locks.
    """
    me, path = Owner.this(parent), folder / OWNER
    other: Owner | None = None
    first_seen = 0.0  # time at which that owner was first seen

    def check() -> None:
        if _read(path) != me:
            raise Interrupted(f"{folder}: another process has taken over this run")

    while True:
        wait()
        with _lock_of_run(path) as file:
            previous = _read(path)
            if file is not None and previous is None:
                file.truncate(0)  # an incomplete name
                file.write(json.dumps(asdict(me)))
                file.flush()
                yield check
                return
        if file is not None:  # the previous owner did not delete its file, or its lock is not visible here
            say(f"{folder.stem}: taken over from {previous}")
            continue
        owner = _read(path)
        if owner is not None and owner != other:
            other, first_seen = owner, time.monotonic()
            say(f"{folder.stem}: waiting for {other}")
        elif other is not None and other.is_orphan() and time.monotonic() - first_seen > PATIENCE:
            with locked(folder / f"{OWNER}.lock"):  # only one of several waiting processes deletes the file
                if _read(path) == other:
                    path.unlink(missing_ok=True)
                    say(f"{folder.stem}: taken over from {other}")
            continue
        time.sleep(SECONDS_BETWEEN_CHECKS)


@contextmanager
def _lock_of_run(path: Path) -> Iterator[IO[str] | None]:
    """Try to lock a run's file, and finally remove its folder, unless it contains a state or the next owner."""
    file = None
    try:
        with lock_if_free(path) as file:
            yield file
    finally:
        if file is not None:
            with suppress(OSError):
                path.parent.rmdir()


def _read(path: Path) -> Owner | None:
    """The owner in a file; None without a file, or before its owner has written its name."""
    try:
        return Owner(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
