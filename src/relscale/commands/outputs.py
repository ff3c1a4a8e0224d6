"""Types of options for output paths; a path that cannot be written is refused before anything runs."""

import argparse
import os
from functools import partial
from pathlib import Path

from relscale.errors import RelscaleError
from relscale.storage.endings import CONFIG, DOCUMENT, PAGE, TABLE, Kind


def output_file(text: str, kind: Kind | None = None) -> Path:
    """The path of a file to write; one of another kind, a folder, or what cannot be written or created is refused."""
    path = Path(text)
    if _is_folder(path):
        raise argparse.ArgumentTypeError(f"{path} is a folder; name a file, such as {path / 'FILE'}")
    check_parent(path)
    try:
        if kind is not None:
            kind.check(path)
    except RelscaleError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return path


output_table = partial(output_file, kind=TABLE)
output_page = partial(output_file, kind=PAGE)
output_config = partial(output_file, kind=CONFIG)
output_document = partial(output_file, kind=DOCUMENT)


def output_folder(text: str) -> Path:
    """The path of a folder to write; a file, or what cannot be written or created, is refused."""
    path = Path(text)
    if path.is_file():
        raise argparse.ArgumentTypeError(f"{path} is a file; name a folder")
    return output(text)


def output(text: str) -> Path:
    """The path of a file or a folder to write, whichever the table needs; refused if it cannot be created."""
    path = Path(text)
    check_parent(path)
    return path


def default_output(path: Path) -> Path:
    """The path of a file that is written if ``--output`` names none.

    Raises
    ------
    RelscaleError
        Its folder cannot be written or created.
    """
    try:
        check_parent(path)
    except argparse.ArgumentTypeError as error:
        raise RelscaleError(f"--output: {error}") from None
    return path


def check_parent(path: Path) -> None:
    """Refuse a path whose folder cannot be written or created, as if a part of it is a file, or read-only."""
    try:
        existing = next(parent for parent in path.absolute().parents if parent.exists())
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{str(path)[:60]}: {error.strerror}") from None
    if not existing.is_dir():
        raise argparse.ArgumentTypeError(f"{path}: {existing} is a file, not a folder; name another place")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(f"{path}: {existing} cannot be written; name another place")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{str(path)[:60]}: {error.strerror}") from None
