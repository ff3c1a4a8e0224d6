"""The lock that a killed Snakemake leaves behind: whose it was is written beside it, so that the next one may clear it.

Snakemake's lock names the files that it protects and not who took it. A process that has taken one therefore keeps a
record of its lock files open under a lock of the system's, which ends with the process however that ends. What a
record lists is cleared only where the system's lock is free and the lock files are those that were recorded; the
owner's machine is in the record, since such a lock may not be seen from another.
"""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

RECORDS = "lock-owners"
_held: list[TextIO] = []  # open until this process ends


def record_locks(folder: Path, locks: Iterable[Path]) -> None:
    """Record that this process took ``locks``, files of Snakemake's in ``folder`` (``.snakemake``)."""
    path = folder / RECORDS / f"{socket.gethostname()}-{os.getpid()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("w", encoding="utf-8")
    with contextlib.suppress(
        OSError
    ):  # no locks on this file system: the record will look like a live process's
        fcntl.flock(file, fcntl.LOCK_EX)
    found = {lock.name: _identity(lock) for lock in locks}
    json.dump({"machine": socket.gethostname(), "pid": os.getpid(), "locks": found}, file)
    file.flush()
    _held.append(file)


def clear_stale_locks(folder: Path) -> list[str]:
    """Remove the lock files in ``folder`` whose owner is gone, and the records of processes that have none left.

    Returns
    -------
    list of str
        A line for each owner whose lock was cleared, and for each that cannot be asked since it is of another machine.
    """
    said = []
    for path in sorted((folder / RECORDS).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError), path.open("r+", encoding="utf-8") as file:
            record = json.load(file)
            left = [
                lock for lock in _recorded(folder, record) if _identity(lock) == record["locks"][lock.name]
            ]
            owner = f"process {record['pid']} on {record['machine']}"
            if record["machine"] != socket.gethostname():
                if left:
                    said.append(
                        f"locked by {owner}; if that has ended, clear it: the same command with --unlock, then without"
                    )
                continue
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where the owner lives
            for lock in left:
                lock.unlink()
            if left:
                said.append(f"{owner} was killed; its lock is cleared")
            path.unlink()
    return said


def _recorded(folder: Path, record: dict) -> list[Path]:
    return [folder / "locks" / name for name in record["locks"]]


def _identity(lock: Path) -> list[int] | None:
    """What tells a file from a later one of its name."""
    try:
        found = lock.stat()
    except FileNotFoundError:
        return None
    return [found.st_ino, found.st_mtime_ns]
