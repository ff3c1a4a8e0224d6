"""Text for a terminal: a name in somebody's data may hold characters that move the cursor or clear the screen."""

import os
import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TextIO, TypeVar

CHANGES_NO_NUMBER = "spells out what would steer a terminal, in what is shown"

# Controls but for line breaks and tabs, and marks that turn the direction of the text around them.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
T = TypeVar("T")
_OF_PROGRESS = re.compile(r"[\r\n]?(?:\x1b\[\d*A)*")  # how a progress bar goes back to its line


def printable(text: str) -> str:
    """The text with characters that steer a terminal spelled out.

    Examples
    --------
    >>> printable("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    return _STEERING.sub(lambda match: ascii(match[0])[1:-1], text)


def shown_printable(kind: type[T]) -> type[T]:
    """A class whose own ``str`` and ``repr`` are as `printable` spells them: for what a person prints or looks at.

    Examples
    --------
    >>> @shown_printable
    ... class Name(str):
    ...     def __repr__(self):
    ...         return str(self)
    >>> Name("a\\x1b[2Jb")
    a\\x1b[2Jb
    """

    def spelled(shows: Callable[[T], str]) -> Callable[[T], str]:
        @wraps(shows)
        def shown(self: T) -> str:
            return printable(shows(self))

        return shown

    for name in ("__str__", "__repr__"):
        if name in vars(kind):
            setattr(kind, name, spelled(vars(kind)[name]))
    return kind


class PrintableStream:
    """A stream that writes text as `printable` spells it; what else there is of it is that of ``stream``.

    A progress bar, which begins with a return to the line's start, may stay on its line. Where nobody reads any longer
    (``relscale fit … | head``), further text is dropped: files that a command writes after its text are written.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, and return the number of characters."""
        if not _OF_PROGRESS.fullmatch(text):
            start = "\r" if text.startswith("\r") else ""
            text = start + printable(text.removeprefix(start))
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._drop()
            return len(text)

    def flush(self) -> None:
        """Hand on what is buffered."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        """Let the stream's file, which child processes share, lead nowhere from now on."""
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, self._stream.fileno())
        os.close(null_device)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of them."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
