"""Processes by number and start, so that a number that the system has given away again is not mistaken; and commands
that end with the process that ordered them.
"""

import os
import platform
import sys
import threading
import time
from contextlib import suppress
from multiprocessing import parent_process
from pathlib import Path

CHANGES_NO_NUMBER = "ends a process with the one that started it"

EXIT_CODE = 85  # ERESTART on Linux, and HTCondor's "saved, run me again"
SECONDS_BETWEEN_LOOKS = 0.5  # at the process that ordered this one


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """Where a process number means something: the host and, in containers, the process namespace."""
    space = Path("/proc/self/ns/pid")
    return f"{platform.node()} {os.readlink(space) if space.is_symlink() else ''}".strip()


def started(pid: int) -> str | None:
    """When a process of this machine began, in the system's ticks; None where it has ended or never was.

    A process that is dead and only waits to be reaped has ended. Systems without ``/proc`` know no start: there it is
    empty.
    """
    if Path("/proc/self/stat").is_file():
        try:
            # The name, in parentheses, may hold spaces. After it come the state, and as 20th field the start.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return ""


def end_with(pid: int) -> None:
    """From here on, end this process, with a line that says so, when process ``pid`` ends.

    A workflow that is killed outright leaves the commands that it started running, and each would write beside the
    one that the next workflow starts. What is written in one step (``relscale.storage.atomic``) stays whole.
    """
    start = started(pid)

    def watch() -> None:
        while start is not None and started(pid) == start:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        with suppress(OSError, ValueError):
            print(
                f"relscale: stopped because process {pid}, which started it, ended",
                file=sys.stderr,
                flush=True,
            )
        os._exit(EXIT_CODE)

    threading.Thread(target=watch, daemon=True).start()


def end_with_parent() -> None:
    """The same for a process of a pool, or of torchrun, and the one that started it."""
    pool = parent_process()
    parent = pool.pid if pool else os.getppid()  # a pool's may have ended before this is called

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os._exit(EXIT_CODE)

    threading.Thread(target=watch, daemon=True).start()
