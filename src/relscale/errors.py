"""The one error that a user of relscale should ever see."""

from pathlib import Path


class RelscaleError(Exception):
    """Bad input, in one line: what is wrong, where, and what to do about it.

    The command line prints the message alone and exits with status 1. Anything else that is raised is a bug and
    keeps its traceback.
    """


class Damaged(RelscaleError):
    """A file that is not what was written.

    Attributes
    ----------
    path
        The file.
    what
        How that shows.
    """

    def __init__(
        self, path: Path, what: str, remedy: str = "delete it, and the stage that made it makes it again"
    ):
        super().__init__(f"{path}: damaged ({what}); {remedy}")
        self.path, self.what, self.remedy = path, what, remedy

    def __reduce__(self) -> tuple[type, tuple[Path, str, str]]:
        """Across processes, with all that it was made of."""
        return Damaged, (self.path, self.what, self.remedy)
