"""Errors with a one-line message for users."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relscale.printable import printable

CHANGES_NO_NUMBER = "error messages"

MAX_CHARACTERS = 150  # kept of an overlong word, or of a library's message
_OVERLONG = re.compile(rf"\S{{{2 * MAX_CHARACTERS},}}")
_ADDRESS = re.compile(r"(?<=\w) object at 0x[0-9a-f]+(?=>)")


class RelscaleError(Exception):
    """Bad input, in one line: what is wrong, where, and what to do about it.

    The command line prints only the message and exits with status 1. Any other exception is a bug and keeps its
    traceback.

    A message can quote input or another library's message. Line breaks in it become spaces, words longer than any path
    are truncated, memory addresses are removed, and terminal control characters are escaped.
    """

    def __init__(self, message: object = ""):
        text = _ADDRESS.sub("", " ".join(str(message).splitlines()))
        super().__init__(printable(_OVERLONG.sub(lambda word: f"{word[0][:MAX_CHARACTERS]}…", text)))


@contextmanager
def keyed(key: str) -> Iterator[None]:
    """Prefix errors raised in this context with the config key or file that they concern."""
    try:
        yield
    except RelscaleError as error:
        reason = str(error)
        raise RelscaleError(reason if reason.startswith(key) else f"{key}: {reason}") from None


def first_line(error: BaseException) -> str:
    """The first line of a library's error message, or the name of the error's class if the message is empty.

    A first line that ends in a colon is joined with the second. Long lines are truncated.

    Examples
    --------
    >>> first_line(ValueError("In chunk 0:\\nno such column")), first_line(KeyError())
    ('In chunk 0: no such column', 'KeyError')
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    text = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


class Damaged(RelscaleError):
    """A file whose content differs from what was written.

    Attributes
    ----------
    path
        The file.
    reason
        Description of the damage.
    remedy
        What to do about it.
    """

    def __init__(
        self,
        path: Path,
        reason: str,
        remedy: str = "delete it, and the stage that wrote it will write it again",
    ):
        super().__init__(f"{path}: damaged ({reason}); {remedy}")
        self.path, self.reason, self.remedy = path, reason, remedy

    def __reduce__(self) -> tuple[type, tuple[Path, str, str]]:
        """Pickle the error with all its attributes."""
        return Damaged, (self.path, self.reason, self.remedy)
