"""The files below a user's folder, through links to other folders as well.

``Path.rglob`` neither follows such links nor reports a folder that it may not read: part of a corpus would be missing.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from relscale.errors import RelscaleError

CHANGES_NO_NUMBER = "lists files; results digest what is read from them"


def files_below(folder: Path) -> Iterator[Path]:
    """The files below a folder, in no particular order; a link to a missing file is one of them.

    Raises
    ------
    RelscaleError
        A folder cannot be read, or a link leads to a folder that contains it.
    """
    yield from _below(folder, lambda name: True)


def visible_files_below(folder: Path) -> Iterator[Path]:
    """The same without hidden files, hidden folders, which are not entered, and links to missing files.

    Raises
    ------
    RelscaleError
        As for `files_below`.
    """
    yield from filter(Path.is_file, _below(folder, lambda name: not name.startswith(".")))


def _below(folder: Path, wanted: Callable[[str], bool]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, onerror=_refuse_unreadable, followlinks=True):
        folders[:] = filter(wanted, folders)  # os.walk enters those that remain
        for name in folders:
            _refuse_loop(Path(parent, name))
        yield from (Path(parent, name) for name in filter(wanted, names))


def _refuse_unreadable(error: OSError) -> None:
    raise RelscaleError(f"{error.filename}: cannot be read ({error.strerror})") from error


def _refuse_loop(path: Path) -> None:
    """Refuse a link to a folder on the way to it, which may lead through other links."""
    if path.is_symlink() and path.resolve() in (parent.resolve() for parent in path.parents):
        raise RelscaleError(f"{path}: a link to a folder that contains it; remove the link")
