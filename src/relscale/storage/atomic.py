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

CHANGES_NO_NUMBER = "writes files atomically"

TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.EISDIR, errno.ENOTDIR)  # the name belongs to a nonempty folder
ABANDONED = 86400.0  # seconds after which another machine's unfinished write counts as abandoned


@contextmanager
def atomic_path(path: str | Path, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary sibling of ``path``; rename it to ``path`` on success, delete it on failure.

    The caller may create a file or a folder there. An existing file at ``path`` is replaced atomically;
    an existing folder is moved aside first, because file systems cannot replace a nonempty one atomically. Files left
    by processes that were killed while writing ``path`` are deleted. ``durable`` forces all data to disk before
    anything is replaced and before this returns, so that it survives a power failure.

    Raises
    ------
    OSError
        A file was written, but ``path`` is a folder; or a library with its own errors, such as safetensors,
        reported a full disk.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_partials(path)
    # The suffix is kept, because writers choose the format by it.
    partial = _partial(path, "")
    remove(partial)
    try:
        with _system_errors(path, partial):
            yield partial
            if durable:
                _flush(partial)
        _replace(partial, path)
        if durable:
            _flush_path(path.parent)
    finally:
        remove(partial)


def _partial(path: Path, ending: str) -> Path:
    """The temporary sibling of this process; its name identifies the process that writes it."""
    pid = os.getpid()
    name = f".{path.stem}.partial-{_machine()}-{pid}-{started(pid)}{ending}{path.suffix}"
    return path.with_name(name)


@cache
def _machine() -> str:
    return hashlib.sha256(machine().encode()).hexdigest()[:8]


PARTIAL = re.compile(r"\..*\.partial-(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-(?P<start>\w*)")


def remove_partials(path: Path) -> None:
    """Delete the files beside ``path`` that were left by processes killed while writing it."""
    for partial in path.parent.glob(f".{escape(path.stem)}.partial-*"):
        if _abandoned(partial):
            remove(partial)


def remove_all_partials(folder: Path) -> None:
    """Delete incomplete files of killed processes in ``folder``, without its subfolders."""
    for partial in folder.glob(".*.partial-*"):
        with suppress(PermissionError, FileNotFoundError):
            if _abandoned(partial):
                remove(partial)


def _abandoned(partial: Path) -> bool:
    """Whether a temporary file is abandoned: its process has ended, or it has not changed for a day."""
    written_by = PARTIAL.match(partial.name)
    if written_by is None:
        return False
    # Processes of another user may not be visible.
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
    """Rename over an existing file or folder; the later of two concurrent renames wins. A file never replaces a
    folder."""
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


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the system does not say in which file


@contextmanager
def _system_errors(path: Path, partial: Path) -> Iterator[None]:
    """Raise system errors as ``OSError`` that name ``path``, if a library reports them as text, for ``partial`` or
    without a file."""
    try:
        yield
    except OSError as error:
        unnamed = error.errno in FULL and error.filename is None
        if error.errno and (unnamed or partial.name in str(error)):
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise
    except Exception as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number:
            code = int(number[1])
            raise OSError(code, os.strerror(code), str(path)) from error
        raise


def _flush(path: Path) -> None:
    """Force a file, or a folder with everything below it, to disk."""
    for below in path.rglob("*") if path.is_dir() else ():
        _flush_path(below)
    _flush_path(path)


def _flush_path(path: Path) -> None:
    """Force a file, or the entries of a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link(source: str, target: str) -> None:
    """Hard-link a file, or copy it if the file system has no hard links; for ``shutil.copytree``."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` to ``path`` atomically, as UTF-8."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def remove(path: Path) -> None:
    """Delete a file or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onerror=_raise_unless_deleted)
    else:
        path.unlink(missing_ok=True)


def _raise_unless_deleted(
    function: object, path: object, error: tuple[object, BaseException, object]
) -> None:
    """Re-raise an error of deletion, unless another process has deleted the file."""
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]
