"""One run, one owner: of several processes that would train a run, one does, and the others wait for it.

The owner holds the lock on a file in the folder of the run's state, and its name stands in the file. The system frees
the lock when the process ends, also of a machine that went down, where machines share the store.

One owner keeps its lock and trains no more: a training whose workflow was killed stops by itself, and if it hangs it
never does. So whoever waits on the same machine deletes the file of an owner that was left alone for ``PATIENCE``, and
locks a new one. An owner therefore reads its name again before it writes. That serves as well where a file system
keeps the locks of each machine to itself: the later owner replaces the file, and the earlier one stops.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from relscale.lock import lock_if_free, locked
from relscale.process import machine, started
from relscale.training.interruption import Interrupted
from relscale.training.state import OWNER

PATIENCE = 30.0  # seconds
SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True)
class Owner:
    """A process that owns a run, and the process that ordered it, each with its start; for people, its Slurm job."""

    machine: str
    pid: int
    started: str | None
    parent: int | None
    parent_started: str | None
    slurm_job: str | None

    @classmethod
    def this(cls, parent: int | None) -> "Owner":
        """This process, ordered by ``parent``."""
        pid = os.getpid()
        order = None if parent is None else started(parent)
        return cls(machine(), pid, started(pid), parent, order, os.environ.get("SLURM_JOB_ID"))

    def __str__(self) -> str:
        return f"process {self.pid} on {self.machine.split()[0]}"

    def is_orphan(self) -> bool:
        """Whether it was started here, by a process that has ended."""
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
    """Own the run whose state is in ``folder``, after whoever does; yields a check of still owning it.

    Parameters
    ----------
    folder
        The run's state.
    parent
        The process that ordered the training.
    wait
        Called while another owns the run; may raise, to wait no longer.
    say
        Is told whom it waits for, and from whom it took over.

    Yields
    ------
    Callable
        Raises `Interrupted` where another has taken the run over; to be called before every write.

    Raises
    ------
    RelscaleError
        The file system has no locks.
    """
    me, path = Owner.this(parent), folder / OWNER
    other: Owner | None = None
    since = 0.0  # when that other was first seen

    def check() -> None:
        if _read(path) != me:
            raise Interrupted(f"{folder}: another process has taken this run over")

    while True:
        wait()
        with _lock_of_run(path) as file:
            left = _read(path)
            if file is not None and left is None:
                file.truncate(0)  # of half a name
                file.write(json.dumps(asdict(me)))
                file.flush()
                yield check
                return
        if (
            file is not None
        ):  # this deleted the file of one that ended without doing so, or whose lock is not seen here
            say(f"{folder.stem}: taken over from {left}")
            continue
        seen = _read(path)
        if seen is not None and seen != other:
            other, since = seen, time.monotonic()
            say(f"{folder.stem}: waiting for {other}")
        elif other is not None and other.is_orphan() and time.monotonic() - since > PATIENCE:
            with locked(folder / f"{OWNER}.lock"):  # of several that wait, one deletes it, and only this one
                if _read(path) == other:
                    path.unlink(missing_ok=True)
                    say(f"{folder.stem}: taken over from {other}")
            continue
        time.sleep(SECONDS_BETWEEN_LOOKS)


@contextmanager
def _lock_of_run(path: Path) -> Iterator[IO[str] | None]:
    """Lock a run's file if nobody has, and remove its folder in the end, unless a state or the next owner is in it."""
    file = None
    try:
        with lock_if_free(path) as file:
            yield file
    finally:
        if file is not None:
            with suppress(OSError):
                path.parent.rmdir()


def _read(path: Path) -> Owner | None:
    """The owner in a file; None where there is no file, or its owner has not written its name yet."""
    try:
        return Owner(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
