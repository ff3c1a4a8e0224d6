"""One run, one owner: of several processes that would train a run, one does, and the others wait for it.

The owner's name stands in a file beside the run, with a token that it draws, and a thread touches the file while the
process lives. Before every write of a state or a result the owner reads it again. A name in a file, unlike a lock of
the system's, means the same on every machine that shares the store, and can be taken away from a process that hangs.

Who waits takes a run over where its owner

- was a process of this machine and has ended,
- was started by one that has ended, and has not stopped within ``PATIENCE``,
- was part of the same Slurm job on another machine: Slurm starts a job again when it has ended,
- has not touched its file for ``LEASE``, on this machine's clock.

A taken-over owner that wakes up finds another's token, and writes nothing.
"""

import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from relscale.atomic import write_text
from relscale.process import machine, started
from relscale.training.interruption import Interrupted
from relscale.training.state import OWNER

PATIENCE = 30.0  # seconds
LEASE = 120.0
SECONDS_BETWEEN_TOUCHES = 10.0
SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True)
class Owner:
    """A process that owns a run: where and which it is, which one ordered it, and the token that it drew."""

    machine: str
    pid: int
    started: str | None
    parent: int | None
    parent_started: str | None
    slurm_job: str | None
    token: str

    @classmethod
    def this(cls, parent: int | None) -> "Owner":
        """This process, ordered by ``parent``, with a new token."""
        pid = os.getpid()
        order = None if parent is None else started(parent)
        job = os.environ.get("SLURM_JOB_ID")
        return cls(machine(), pid, started(pid), parent, order, job, secrets.token_hex(8))


@contextmanager
def owned(
    folder: Path,
    parent: int | None = None,
    wait: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Callable[[], None]]:
    """Own the run whose state lies in ``folder``, waiting for whoever does; yields a check of still owning it.

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
    """
    me = Owner.this(parent)
    path = folder / OWNER
    _acquire(path, me, wait, say)

    def check() -> None:
        if _read(path) != me:
            raise Interrupted(f"{folder}: another process has taken this run over")

    over = threading.Event()
    threading.Thread(target=_keep_touching, args=(path, over), daemon=True).start()
    try:
        yield check
    finally:
        over.set()
        if _read(path) == me:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # a state is in it, or the next owner
                folder.rmdir()


def _acquire(path: Path, me: Owner, wait: Callable[[], None], say: Callable[[str], None]) -> None:
    seen: tuple[Owner | None, float] | None = None  # the owner, and when it touched its file
    since = first = 0.0  # when that touch was first seen, and that owner
    while True:
        wait()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)  # fails where the folder goes away meanwhile
            with path.open("x", encoding="utf-8") as file:
                file.write(json.dumps(asdict(me)))
            return
        except FileNotFoundError:  # the folder went away with its last owner
            continue
        except FileExistsError:
            pass
        try:
            now = _read(path), path.stat().st_mtime
        except FileNotFoundError:
            continue
        clock = time.monotonic()
        if seen is None or now[0] != seen[0]:
            first = clock
        if now != seen:
            since = clock
        if _gone(now[0], untouched=clock - since, waited=clock - first):
            write_text(path, json.dumps(asdict(me)))
            time.sleep(SECONDS_BETWEEN_LOOKS)  # of two that take over at once, the later one stays
            if _read(path) == me:
                say(f"{path.parent.stem}: taken over from {_name(now[0])}")
                return
        elif seen is None or now[0] != seen[0]:
            say(f"{path.parent.stem}: waiting for {_name(now[0])}")
        seen = now
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _gone(owner: Owner | None, untouched: float, waited: float) -> bool:
    """Whether an owner's run may be taken over, its file untouched and this process waiting for so many seconds."""
    if owner is None:  # its name is being written, or was when it died
        return untouched > LEASE
    if owner.machine == machine():
        if started(owner.pid) != owner.started:
            return True
        orphan = owner.parent is not None and (
            owner.parent_started is None or started(owner.parent) != owner.parent_started
        )
        return orphan and waited > PATIENCE
    requeued = owner.slurm_job is not None and owner.slurm_job == os.environ.get("SLURM_JOB_ID")
    return requeued or untouched > LEASE


def _keep_touching(path: Path, over: threading.Event) -> None:
    while not over.wait(SECONDS_BETWEEN_TOUCHES):
        try:
            os.utime(path)
        except OSError:
            return  # taken over and finished, or the store is gone: the check before the next write will say


def _read(path: Path) -> Owner | None:
    try:
        return Owner(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _name(owner: Owner | None) -> str:
    return (
        "a process without a name" if owner is None else f"process {owner.pid} on {owner.machine.split()[0]}"
    )
