"""Escaping of control characters in printed text: names in data can move the cursor or clear the screen."""

import os
import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TextIO, TypeVar

CHANGES_NO_NUMBER = "escapes control characters in printed text"

# Control characters except line breaks and tabs, and marks that change the direction of text.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
T = TypeVar("T")
_PROGRESS_BAR = re.compile(r"[\r\n]?(?:\x1b\[\d*A)*")  # how a progress bar returns to its line


def printable(text: str) -> str:
    """Escape the control characters of a text.

    Examples
    --------
    >>> printable("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    return _CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)


def escaped_repr(kind: type[T]) -> type[T]:
    """Class decorator that escapes control characters in ``str`` and ``repr`` (`printable`).

    Examples
    --------
    >>> @escaped_repr
    ... class Name(str):
    ...     def __repr__(self):
    ...         return str(self)
    >>> Name("a\\x1b[2Jb")
    a\\x1b[2Jb
    """

    def escaped(method: Callable[[T], str]) -> Callable[[T], str]:
        @wraps(method)
        def text(self: T) -> str:
            return printable(method(self))

        return text

    for name in ("__str__", "__repr__"):
        if name in vars(kind):
            setattr(kind, name, escaped(vars(kind)[name]))
    return kind


class PrintableStream:
    """A stream that escapes control characters (`printable`); its other attributes are those of ``stream``.

    A progress bar, which begins with a carriage return, may stay on its line. After the reader has closed the pipe
    (``relscale fit … | head``), further text is dropped, so that the command still writes its files.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, and return the number of characters."""
        if not _PROGRESS_BAR.fullmatch(text):
            start = "\r" if text.startswith("\r") else ""
            text = start + printable(text.removeprefix(start))
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._drop()
            return len(text)

    def flush(self) -> None:
        """Flush the buffer."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        """Redirect the stream's file, which child processes share, to the null device."""
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, self._stream.fileno())
        os.close(null_device)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
