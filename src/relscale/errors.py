"""The one error that a user of relscale should ever see."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relscale.printable import printable

CHANGES_NO_NUMBER = "the sentences of errors"

MAX_CHARACTERS = 150  # characters of a word without end, or of what another library says
_ENDLESS = re.compile(rf"\S{{{2 * MAX_CHARACTERS},}}")
_ADDRESS = re.compile(r"(?<=\w) object at 0x[0-9a-f]+(?=>)")


class RelscaleError(Exception):
    """Bad input, in one line: what is wrong, where, and what to do about it.

    The command line prints the message alone and exits with status 1. Anything else that is raised is a bug and
    keeps its traceback.

    What a message quotes of the input, or of another library's message, may have several lines, no end, and
    characters that steer a terminal: line breaks become spaces, of a word longer than any path the beginning is kept,
    addresses in memory are left out, and those characters are spelled out.
    """

    def __init__(self, message: object = ""):
        text = _ADDRESS.sub("", " ".join(str(message).splitlines()))
        super().__init__(printable(_ENDLESS.sub(lambda word: f"{word[0][:MAX_CHARACTERS]}…", text)))


@contextmanager
def keyed(key: str) -> Iterator[None]:
    """Let an error begin with the key of the config's value that it is about."""
    try:
        yield
    except RelscaleError as error:
        reason = str(error)
        raise RelscaleError(reason if reason.startswith(key) else f"{key}: {reason}") from None


def first_line(error: BaseException) -> str:
    """The message of a library's error, as part of a sentence: its first line, or its kind where it says nothing.

    A first line that ends in a colon only announces the next. Of a long one the beginning is kept.

    Examples
    --------
    >>> first_line(ValueError("In chunk 0:\\nno such column")), first_line(KeyError())
    ('In chunk 0: no such column', 'KeyError')
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    text = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


class Damaged(RelscaleError):
    """A file that is not what was written.

    Attributes
    ----------
    path
        The file.
    reason
        What is wrong with it.
    remedy
        What to do.
    """

    def __init__(
        self, path: Path, reason: str, remedy: str = "delete it, and the stage that made it makes it again"
    ):
        super().__init__(f"{path}: damaged ({reason}); {remedy}")
        self.path, self.reason, self.remedy = path, reason, remedy

    def __reduce__(self) -> tuple[type, tuple[Path, str, str]]:
        """Across processes, with all that it was made of."""
        return Damaged, (self.path, self.reason, self.remedy)
