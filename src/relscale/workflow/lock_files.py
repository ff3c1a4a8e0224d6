"""The lock files that a killed Snakemake leaves behind: the next one of the same folder removes them.

Snakemake's lock is a file that stays when its process is killed, and does not say whose it is; without more, each
``kill -9`` would want an ``--unlock`` by hand. Every workflow therefore shares a lock of the system's
(`relscale.storage.lock`), which ends with it, on a record of Snakemake's lock files. Where nobody shares it any more,
those that are recorded are stale. The record also names the machine, since another may not see the lock.
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
    """Say that this process uses the lock files in ``folder`` (``.snakemake``), which it has taken by now."""
    file = (folder / RECORD).open("a+", encoding="utf-8")
    with contextlib.suppress(OSError):  # no locks on this file system: nothing will be taken for stale
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
        What was done, or why it was not: a line, or none where there was nothing to do.
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
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where a workflow shares it
        for lock in stale:
            lock.unlink()
        return ["the last workflow in this folder was killed; its lock is cleared"]
    return []


def _identity(lock: Path) -> list[int]:
    """What tells a file from a later one of its name."""
    status = lock.stat()
    return [status.st_ino, status.st_mtime_ns]
