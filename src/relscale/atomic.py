"""Write under a temporary name, then rename: a file or folder is either whole or absent."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from relscale.errors import RelscaleError

WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def atomic_path(path: str | Path, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary sibling of ``path``; rename it to ``path`` on success, delete it on failure.

    What the caller creates there may be a file or a folder. An existing file at ``path`` is replaced in one step;
    an existing folder is moved aside first, since no file system replaces a full one in one step. ``durable`` has all
    of it on disk before anything is replaced or this returns, so that it outlives a machine that loses its power.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The ending is kept, since writers choose the format by it.
    partial = path.with_name(f".{path.stem}.partial-{os.getpid()}{path.suffix}")
    remove(partial)
    try:
        yield partial
        if durable:
            _flush(partial)
        if path.is_dir():
            old = path.with_name(f".{path.name}.old-{os.getpid()}")
            path.rename(old)
            partial.rename(path)
            remove(old)
        else:
            partial.replace(path)
        if durable:
            _flush_one(path.parent)
    finally:
        remove(partial)


def _flush(path: Path) -> None:
    """Have the system write a file, or a folder and all below it, to the disk."""
    for below in path.rglob("*") if path.is_dir() else ():
        _flush_one(below)
    _flush_one(path)


def _flush_one(path: Path) -> None:
    """Have the system write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_partials(path: Path) -> None:
    """Delete what processes that were killed while they wrote ``path`` have left beside it."""
    for partial in path.parent.glob(f".{path.stem}.partial-*{path.suffix}"):
        remove(partial)


def link(source: str, target: str) -> None:
    """Give a file a second name, or a copy where the file system has no such names; for ``shutil.copytree``."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` to ``path`` in one step, as UTF-8."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def remove(path: Path) -> None:
    """Delete a file or a folder; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold a file's lock, waiting for whoever has it, and say so; the system frees it when a process dies.

    Raises
    ------
    RelscaleError
        The file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        _lock(file, fcntl.LOCK_EX)
        yield True


@contextmanager
def lock_if_free(path: Path) -> Iterator[bool]:
    """Hold a file's lock if nobody else does, and say whether it is held.

    Raises
    ------
    RelscaleError
        The file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _lock(file: IO[str], how: int) -> None:
    try:
        fcntl.flock(file, how)
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        raise RelscaleError(
            f"{file.name}: this file system has no locks (flock), which keep two jobs from one file; "
            "set store to a folder on one that has"
        ) from error
