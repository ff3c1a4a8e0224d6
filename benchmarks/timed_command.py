"""Seconds of a command, of the clock and of the processor."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Seconds(NamedTuple):
    """Of the clock, and of the processor: user and system time of the command and what it started."""

    clock: float
    processor: float


def timed(
    command: Sequence[object], folder: Path, environment: Mapping[str, str], *, quiet: bool = False
) -> Seconds:
    """Run a command in a folder, with only these variables; it must succeed. ``quiet`` hides its messages."""
    started, before = time.perf_counter(), os.times()
    words = [str(word) for word in command]
    nothing, messages = subprocess.DEVNULL, subprocess.DEVNULL if quiet else None
    subprocess.run(words, cwd=folder, env=environment, check=True, stdout=nothing, stderr=messages)
    after = os.times()
    user, system = after.children_user - before.children_user, after.children_system - before.children_system
    return Seconds(time.perf_counter() - started, user + system)
