"""What a user's mistake may end in: one sentence, soon. For every test that feeds a door with damaged input."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from relscale.errors import RelscaleError

LONGEST = 400  # characters: a sentence of about 300, and the paths of a temporary folder
UNFIT = re.compile(r"Traceback|<[\w.]+ object at 0x|\x1b")

T = TypeVar("T")


def assert_one_sentence(error: BaseException | str) -> None:
    """A message for a user: a ``RelscaleError`` (or its text) of one line that is read at a glance."""
    if isinstance(error, BaseException):
        assert isinstance(error, RelscaleError), f"{type(error).__name__} escaped: {error}"
    text = str(error)
    assert text.strip(), "an empty message"
    assert len(text.splitlines()) == 1, f"several lines: {text!r}"
    assert len(text) <= LONGEST, f"{len(text)} characters: {text!r}"
    assert not UNFIT.search(text), f"unfit for a user: {text!r}"


def accepted_or_one_sentence(call: Callable[[], T], seconds: int = 10) -> T | None:
    """What ``call`` gives, or None where it refuses its input in one sentence; anything else fails the test."""
    try:
        with within(seconds):
            return call()
    except RelscaleError as error:
        assert_one_sentence(error)
        return None


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail in place of hanging: after so many seconds of the processor, or after far longer without it.

    Only in the main thread, as the alarms are the process's own.
    """

    def late(*_: object) -> None:
        raise AssertionError(f"not done within {seconds} seconds")

    alarms = (
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, 30 * seconds),  # it waits for something; or the machine is busy
    )
    before = [signal.signal(number, late) for number, _, _ in alarms]
    for _, timer, after in alarms:
        signal.setitimer(timer, after)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(alarms, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
