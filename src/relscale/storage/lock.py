"""File locks (flock), which the system releases when their process ends, however it ends."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from relscale.errors import RelscaleError

CHANGES_NO_NUMBER = "keeps two processes from writing one file at once"

WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def locked(path: Path) -> Iterator[IO[str]]:
    """Wait for the lock on a file and hold it; yields the file.

    Raises
    ------
    RelscaleError
        The file system has no locks.
    """
    with _lock(path, fcntl.LOCK_EX) as file:
        assert file is not None
        yield file


@contextmanager
def lock_if_free(path: Path) -> Iterator[IO[str] | None]:
    """Hold the lock on a file if it is free; yields the file, or None if another process has the lock.

    Raises
    ------
    RelscaleError
        The file system has no locks.
    """
    with _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB) as file:
        yield file


def remove_stale_locks(folder: Path) -> None:
    """Delete lock files of a folder that are not locked, such as those of killed processes."""
    for path in folder.glob("*.lock"):
        with suppress(OSError, RelscaleError), lock_if_free(path):
            pass


@contextmanager
def _lock(path: Path, how: int) -> Iterator[IO[str] | None]:
    """Lock a file, which is deleted on release; a lock on a file that was deleted meanwhile does not count."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        except FileNotFoundError:  # the folder was deleted meanwhile
            continue
        with file:
            try:
                fcntl.flock(file, how)
            except BlockingIOError:
                yield None
                return
            except OSError as error:
                if error.errno not in WITHOUT_LOCKS:
                    raise
                raise RelscaleError(
                    f"{path}: this file system has no locks (flock), which keep two jobs from writing one file; "
                    "set store to a folder on another"
                ) from error
            if not _has_path(path, file):
                continue
            try:
                yield file
            finally:
                if _has_path(path, file):
                    path.unlink(missing_ok=True)
            return


def _has_path(path: Path, file: IO[str]) -> bool:
    """Whether an open file still has this path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
