"""Write under a temporary name, then rename: a file or folder is either whole or absent."""

import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from glob import escape
from pathlib import Path

from relscale.storage.process import machine, started

CHANGES_NO_NUMBER = "writes a file whole or not at all"

TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.EISDIR, errno.ENOTDIR)  # a name by a full folder
ABANDONED = 86400.0  # seconds after which another machine's unfinished writing is taken to be given up


@contextmanager
def atomic_path(path: str | Path, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary sibling of ``path``; rename it to ``path`` on success, delete it on failure.

    What the caller creates there may be a file or a folder. An existing file at ``path`` is replaced in one step;
    an existing folder is moved aside first, since no file system replaces a full one in one step. What processes that
    were killed while they wrote ``path`` have left is deleted. ``durable`` has all of it on disk before anything is
    replaced or this returns, so that it outlives a machine that loses its power.

    Raises
    ------
    OSError
        A file was written, and ``path`` is a folder; also where a library that writes by itself, such as safetensors,
        met a full disk and said so in its own way.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_partials(path)
    # The ending is kept, since writers choose the format by it.
    partial = _partial(path, "")
    remove(partial)
    try:
        with _system_errors(path):
            yield partial
        if durable:
            _flush(partial)
        _replace(partial, path)
        if durable:
            _flush_path(path.parent)
    finally:
        remove(partial)


def _partial(path: Path, ending: str) -> Path:
    """The temporary sibling of this process, which tells others whether it is still being written."""
    pid = os.getpid()
    name = f".{path.stem}.partial-{_machine()}-{pid}-{started(pid)}{ending}{path.suffix}"
    return path.with_name(name)


@cache
def _machine() -> str:
    return hashlib.sha256(machine().encode()).hexdigest()[:8]


PARTIAL = re.compile(r"\..*\.partial-(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-(?P<start>\w*)")


def remove_partials(path: Path) -> None:
    """Delete what processes that were killed while they wrote ``path`` have left beside it."""
    for partial in path.parent.glob(f".{escape(path.stem)}.partial-*"):
        if _abandoned(partial):
            remove(partial)


def remove_all_partials(folder: Path) -> None:
    """Delete what killed processes have left half-written in ``folder``, its subfolders apart."""
    for partial in folder.glob(".*.partial-*"):
        with suppress(PermissionError, FileNotFoundError):
            if _abandoned(partial):
                remove(partial)


def _abandoned(partial: Path) -> bool:
    """Whether nobody writes it any more: its process has ended, or nothing in it has changed for a day."""
    written_by = PARTIAL.match(partial.name)
    if written_by is None:
        return False
    # Another user's process may be one that this one cannot see.
    if written_by["machine"] == _machine() and _is_owned_by_user(partial):
        return started(int(written_by["pid"])) != written_by["start"]
    times = []
    for path in (partial, *partial.rglob("*")):
        with suppress(FileNotFoundError):
            times.append(path.stat().st_mtime)
    return time.time() - max(times, default=0.0) > ABANDONED


def _is_owned_by_user(path: Path) -> bool:
    try:
        return path.lstat().st_uid == os.getuid()
    except FileNotFoundError:
        return True


def _replace(partial: Path, path: Path) -> None:
    """Rename over what is there; of two that do so at once, the later one's stays. No folder gives way to a file."""
    if path.is_dir() and not partial.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder is there; name a file", str(path))
    old = _partial(path, "-old")
    while True:
        try:
            partial.replace(path)
        except OSError as error:
            if error.errno not in TAKEN:
                raise
            with suppress(FileNotFoundError):
                path.rename(old)
            remove(old)
        else:
            return


@contextmanager
def _system_errors(path: Path) -> Iterator[None]:
    """The system's errors as such, where a library in Rust has made texts of them."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number:
            code = int(number[1])
            raise OSError(code, os.strerror(code), str(path)) from error
        raise


def _flush(path: Path) -> None:
    """Have the system write a file, or a folder and all below it, to the disk."""
    for below in path.rglob("*") if path.is_dir() else ():
        _flush_path(below)
    _flush_path(path)


def _flush_path(path: Path) -> None:
    """Have the system write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
        shutil.rmtree(path, onerror=_unless_gone)
    else:
        path.unlink(missing_ok=True)


def _unless_gone(function: object, path: object, error: tuple[object, BaseException, object]) -> None:
    """Raise what kept a file from being deleted, unless another process has deleted it."""
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]
