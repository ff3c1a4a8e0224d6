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
        What was done, or why it was not done: one line, or none if there was nothing to do.
    """
    with (
        contextlib.suppress(OSError, ValueError, KeyError),
        (folder / RECORD).open("r+", encoding="utf-8") as file,
    ):
        record = json.load(file)
        stale = [
            lock for lock in (folder / "locks").glob("*") if _identity(lock) == record["locks"].get(lock.name)
        ]
        if not stale:
            return []
        if record["machine"] != socket.gethostname():
            return [
                f"locked by a workflow on {record['machine']}; if that has ended, clear it: the same command with "
                "--unlock, then without"
            ]
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return [
                "another workflow is running in this folder; if this one is refused its lock, wait until the other has "
                "ended, and do not use --unlock"
            ]
        for lock in stale:
            lock.unlink()
        return ["the last workflow in this folder was killed; its lock is cleared"]
    return []


def _identity(lock: Path) -> list[int]:
    """Identity of a file, which differs from that of a later file with the same name."""
    status = lock.stat()
    return [status.st_ino, status.st_mtime_ns]
