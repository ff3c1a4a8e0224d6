"""Processes identified by id and start time, so that a reused id is not mistaken for the old process, and commands
that end with the process that started them.
"""

import os
import platform
import sys
import threading
import time
from contextlib import suppress
from multiprocessing import parent_process
from pathlib import Path

CHANGES_NO_NUMBER = "ends a process when its parent ends"

RUN = "RELSCALE_RUN"  # environment variable with the process of `relscale run`
CHECKED = "RELSCALE_CHECKED"  # environment variable with the config that `relscale run` has checked
EXIT_CODE = 85  # ERESTART on Linux, and HTCondor's "saved, run me again"
SECONDS_BETWEEN_CHECKS = 0.5  # of the process that started this one


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """The scope of process ids: the host and, in containers, the process namespace."""
    space = Path("/proc/self/ns/pid")
    return f"{platform.node()} {os.readlink(space) if space.is_symlink() else ''}".strip()


def started(pid: int) -> str | None:
    """Start time of a process of this machine, in system ticks; None if it has ended or never existed.

    A zombie process has ended. On systems without ``/proc`` the start time is empty.
    """
    if Path("/proc/self/stat").is_file():
        try:
            # The name, in parentheses, may contain spaces. The state follows, and the start time is the 20th field.
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
    """End this process, with a message, when process ``pid`` ends.

    Otherwise the commands of a killed workflow would continue to run, and would write at the same time as those of the
    next workflow. Atomic writes (``relscale.storage.atomic``) remain complete.
    """
    start = started(pid)

    def watch() -> None:
        while start is not None and started(pid) == start:
            time.sleep(SECONDS_BETWEEN_CHECKS)
        with suppress(OSError, ValueError):
            print(
                f"relscale: stopped because process {pid}, which started it, ended",
                file=sys.stderr,
                flush=True,
            )
        os._exit(EXIT_CODE)

    threading.Thread(target=watch, daemon=True).start()


def end_with_parent() -> None:
    """End this process of a pool or of torchrun when its parent ends."""
    pool = parent_process()
    parent = pool.pid if pool else os.getppid()  # the parent of a pool's process may have ended already

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_CHECKS)
        os._exit(EXIT_CODE)

    threading.Thread(target=watch, daemon=True).start()
