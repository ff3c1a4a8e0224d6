"""Removal of stale lock files of a killed Snakemake by the next one in the same folder.

Snakemake's lock is a file that remains when its process is killed, and does not name its owner; without this module,
each ``kill -9`` would require ``--unlock`` by hand. Every workflow therefore has a shared system lock
(`relscale.storage.lock`), which ends with its process, on a record of Snakemake's lock files. If no process holds it,
the recorded files are stale. The record also names the machine, because the lock may not be visible on others.
"""

import contextlib
import fcntl
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

RECORD = "lock-files.json"
_shared: list[TextIO] = []  # open until this process ends


def share_lock(folder: Path) -> None:
    """Record that this process owns the lock files in ``folder`` (``.snakemake``)."""
    file = (folder / RECORD).open("a+", encoding="utf-8")
    with contextlib.suppress(OSError):  # no locks on this file system: no file will count as stale
        fcntl.flock(file, fcntl.LOCK_SH)
        locks = {lock.name: _identity(lock) for lock in (folder / "locks").glob("*")}
        file.truncate(0)
        json.dump({"machine": socket.gethostname(), "locks": locks}, file)
        file.flush()
        _shared.append(file)


def clear_stale_locks(folder: Path) -> list[str]:
    """Remove the lock files in ``folder`` that a killed workflow has left.

    Returns
    -------
    list of str
        What was done: one line, or none if there was nothing to do.
    """
    with _record(folder) as record:
        if record is None or not record.locks or not record.is_here or record.is_held:
            return []
        for lock in record.locks:
            lock.unlink(missing_ok=True)
        return ["the last workflow in this folder was killed; its lock is cleared"]


def is_locked(results: Path, folder: Path) -> bool:
    """Whether a workflow has locked files below ``results``; those of other experiments may run in ``folder``, too."""
    top = f"{results}/"
    for lock in (folder / "locks").glob("*.lock"):
        with contextlib.suppress(FileNotFoundError):  # its workflow has ended
            if any(line.startswith(top) for line in lock.read_text(encoding="utf-8").splitlines()):
                return True
    return False


def refusal(folder: Path) -> str:
    """Why a workflow does not get Snakemake's lock in ``folder``, and what to do, in one sentence."""
    clear = "clear it: the same command with --unlock, then without"
    with _record(folder) as record:
        if record is not None and record.locks and not record.is_here:
            return f"this folder is locked by a workflow on {record.machine}; if that has ended, {clear}"
        if record is not None and record.locks and record.is_held:
            return "another workflow is making these files; wait until it has ended, and do not use --unlock"
    return (
        f"another workflow has locked these files; wait until it has ended, and if none is running, {clear}"
    )


@dataclass(frozen=True)
class _Record:
    """A record: the machine of its workflows, those of their lock files that are there, and whether one holds it."""

    machine: str
    locks: list[Path]
    is_held: bool

    @property
    def is_here(self) -> bool:
        return self.machine == socket.gethostname()


@contextlib.contextmanager
def _record(folder: Path) -> Iterator[_Record | None]:
    """The record in ``folder``, which no workflow takes meanwhile if none holds it; None if it cannot be read."""
    with contextlib.ExitStack() as stack:
        record = None
        with contextlib.suppress(OSError, ValueError, KeyError):
            file = stack.enter_context((folder / RECORD).open("r+", encoding="utf-8"))
            is_held = False
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                is_held = True
            content = json.load(file)
            locks = (folder / "locks").glob("*")
            known = [lock for lock in locks if _identity(lock) == content["locks"].get(lock.name)]
            record = _Record(content["machine"], known, is_held)
        yield record


def _identity(lock: Path) -> list[int]:
    """Identity of a file, which differs from that of a later file with the same name."""
    status = lock.stat()
    return [status.st_ino, status.st_mtime_ns]
