"""Data sets shared out among the cores of this process, in threads: numpy computes outside of Python's lock."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

import numpy as np

from relscale.fitting.estimation.objective import Indices
from relscale.storage.process import cores

MUCH = 2**23  # elements in the derivatives of all data sets, above which all cores are used

Result = TypeVar("Result")


def by_core(work: Callable[[Indices], Result], count: int, numbers: int) -> list[Result]:
    """``work`` of each core's share of ``count`` data sets, in their order; one share if they are small.

    ``numbers`` is the number of elements in the derivatives of one data set.
    """
    shares = min(workers(), count) if count * numbers >= MUCH else 1
    if shares <= 1:
        return [work(np.arange(count))]
    with ThreadPoolExecutor(shares) as pool:
        parts = [
            pool.submit(copy_context().run, work, share) for share in np.array_split(np.arange(count), shares)
        ]
        return [part.result() for part in parts]


def workers() -> int:
    """Number of cores that this process may use, at most ``OMP_NUM_THREADS``."""
    most = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores(), int(most))) if most.isdigit() else cores()
