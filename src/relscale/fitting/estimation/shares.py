"""Data sets handed out to the cores of this process, in threads: numpy computes outside of Python's lock."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock
from typing import TypeVar

import numpy as np

from relscale.fitting.estimation.objective import Indices
from relscale.storage.process import cores

MUCH = 2**23  # elements in the derivatives of all data sets, above which all cores are used
PIECES = 8  # per core, so that all cores end at about the same time

Result = TypeVar("Result")
Take = Callable[[int], Indices]  # the next data sets that no core has taken, at most as many as asked for


def on_cores(work: Callable[[Take], Result], count: int, numbers: int) -> list[Result]:
    """What ``work`` returns on each core, which takes data sets as it needs them until there are none; on one if they
    are small.

    ``numbers`` is the number of elements in the derivatives of one data set. No core takes more than its share of those
    left.
    """
    used = max(1, min(workers(), count)) if count * numbers >= MUCH else 1
    lock, taken = Lock(), 0

    def take(most: int) -> Indices:
        nonlocal taken
        with lock:
            first, share = taken, -(-(count - taken) // used)
            taken += min(most, share)
            return np.arange(first, taken)

    if used == 1:
        return [work(take)]
    with ThreadPoolExecutor(used) as pool:
        parts = [pool.submit(copy_context().run, work, take) for _ in range(used)]
        return [part.result() for part in parts]


def by_core(work: Callable[[Indices], Result], count: int, numbers: int) -> list[Result]:
    """``work`` of pieces of ``count`` data sets, in their order; of all at once on one core."""
    most = -(-count // PIECES // workers()) if workers() > 1 and count * numbers >= MUCH else count

    def pieces(take: Take) -> list[tuple[int, Result]]:
        done = []
        while len(piece := take(most)):
            done.append((int(piece[0]), work(piece)))
        return done

    parts = [part for parts in on_cores(pieces, count, numbers) for part in parts]
    return [result for _, result in sorted(parts, key=lambda part: part[0])]


def workers() -> int:
    """Number of cores that this process may use, at most ``OMP_NUM_THREADS``."""
    most = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores(), int(most))) if most.isdigit() else cores()
