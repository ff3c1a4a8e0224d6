"""Processes by number and start, so that a number that the system has given away again is not mistaken."""

import os
import platform
from pathlib import Path


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
