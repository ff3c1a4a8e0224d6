"""A function in a process of its own, a fork of the test's: for one that is killed, or that changes its process.

It has what the test has imported, which would take seconds again.
"""

import multiprocessing
from collections.abc import Callable
from typing import Any

FORKS = multiprocessing.get_context("fork")


def ended(function: Callable[..., object], *arguments: Any) -> int | None:
    """How the fork that calls the function ended: 0, 1 after an exception, or minus the signal that killed it."""
    process = FORKS.Process(target=function, args=arguments)
    process.start()
    process.join()
    return process.exitcode
