"""Paths in a config, which are relative to its folder, so that it can be run from any folder.

The schema states which of three kinds each path is (``format``).
"""

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from relscale.errors import RelscaleError

LONGEST_NAME = 255  # bytes of a file's name


class PathKind(StrEnum):
    """The kind of a path in a config."""

    READ = "path"  # a file or folder, relative to the config's folder
    READ_OR_HUB = "path-or-hub-name"  # the same if it exists, else a name on the hub
    WRITTEN = "written-path"  # relative to the working folder


ReadPath = Callable[[str, PathKind, str], str]
"""A function that replaces a path in a config, given the path, its kind and its key."""


def opened_path(path: str, kind: PathKind, key: str, folder: Path | None = None) -> str:
    """A path of a config as this process can open it: ``~`` replaced, relative to the working folder if it is below.

    Parameters
    ----------
    path
        The path as written.
    kind
        Kind of the path.
    key
        Key of the path, for messages.
    folder
        Folder of the config; None for the working folder.

    Raises
    ------
    RelscaleError
        The name is invalid, or the path is relative to the working folder instead of the config's.
    """
    if "\0" in path or any(len(part.encode(errors="replace")) > LONGEST_NAME for part in path.split("/")):
        raise RelscaleError(f"{key}: {path[:40]!r}: not a file name; it is too long, or has a zero byte")
    if path.startswith("~"):
        try:
            return str(Path(path).expanduser())
        except RuntimeError:
            raise RelscaleError(f"{key}: {path[:40]}: no such user; write the path out") from None
    if kind is PathKind.WRITTEN or folder is None or not path or os.path.isabs(path):
        return path
    root = os.path.realpath(folder)
    if root == os.getcwd():
        return path
    joined = os.path.normpath(os.path.join(root, path))
    if os.path.lexists(joined):
        return _relative_to(joined, os.getcwd())
    if kind is PathKind.READ_OR_HUB:
        return path
    if os.path.lexists(path):
        raise RelscaleError(
            f"{key}: {path}: paths in a config are relative to its folder, {folder}, from where this one is "
            f"{os.path.relpath(os.path.realpath(path), root)}"
        )
    return _relative_to(joined, os.getcwd())


def recorded_path(path: str, kind: PathKind, key: str, folder: Path) -> str:
    """The path to write in a config in ``folder``: the inverse of `opened_path`."""
    if kind is PathKind.WRITTEN or os.path.isabs(path):
        return path
    if kind is PathKind.READ_OR_HUB and not os.path.lexists(path):
        return path
    return os.path.relpath(
        os.path.abspath(path), os.path.realpath(folder)
    )  # the folder may be a link to another disk


def _relative_to(path: str, folder: str) -> str:
    """A path relative to a folder if it is below it, else unchanged."""
    below = path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
    return os.path.relpath(path, folder) if below else path
