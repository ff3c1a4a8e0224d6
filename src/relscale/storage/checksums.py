"""Folders with a list of the sizes and sha256 of their files, so that damaged or missing files are detected.

The list is written while the folder has its temporary name (``relscale.storage.atomic``), and is therefore
complete if the folder exists; it includes a digest of itself, so that changes of the list are detected too.
Sizes are checked whenever a folder is looked up; digests once, when a job starts to read it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

from relscale.errors import Damaged
from relscale.provenance import file_sha256
from relscale.storage.atomic import atomic_path, remove, write_text

CHANGES_NO_NUMBER = "rejects a folder that differs from what was written"

FILE = "checksums.json"


class Checksum(NamedTuple):
    """Size and digest of one file."""

    bytes: int
    sha256: str


@contextmanager
def sealed_folder(folder: str | Path) -> Iterator[Path]:
    """Yield an empty folder; on success, write its list and rename it to ``folder`` (``atomic_path``)."""
    with atomic_path(folder) as partial:
        partial.mkdir()
        yield partial
        seal(partial)


def seal(folder: Path) -> None:
    """List all files below ``folder`` in its ``checksums.json``."""
    remove(folder / FILE)
    _write(folder, _scan(folder))


def _scan(folder: Path) -> dict[str, Checksum]:
    """Checksums of all files below a folder; digests of subfolders with a list are taken from it."""
    known = listed(folder) if (folder / FILE).is_file() else {}
    checksums: dict[str, Checksum] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            checksums |= {f"{path.name}/{name}": checksum for name, checksum in _scan(path).items()}
        else:
            checksums[path.name] = known.get(path.name) or _checksum(path)
    return checksums


def files_list(path: Path) -> Path:
    """Path of the list of files with a common stem, such as the formats of a figure."""
    return path.with_name(f".{path.stem}.{FILE}")


def seal_files(path: Path, files: Iterable[Path]) -> None:
    """Write the list beside files with a common stem."""
    write_text(path, _text({file.name: _checksum(file) for file in files}))


def listed_files(path: Path) -> list[Path]:
    """The files in the list of a common stem.

    Raises
    ------
    Damaged
        The list is missing or not readable.
    """
    return [path.with_name(name) for name in _read(path)]


def check_files(path: Path) -> None:
    """Compare files with a common stem with their list.

    Raises
    ------
    Damaged
        A file differs, or there is no list.
    """
    for name, checksum in _read(path).items():
        _check(path.with_name(name), checksum)


def add_to_seal(folder: Path, name: str) -> None:
    """Add a file to the list of a folder under its temporary name."""
    checksums = {**listed(folder), name: _checksum(folder / name)}
    remove(folder / FILE)  # it may be a hard link of another folder's list
    _write(folder, checksums)


def _write(folder: Path, files: Mapping[str, Checksum]) -> None:
    (folder / FILE).write_text(_text(files), encoding="utf-8")


def _text(checksums: Mapping[str, Checksum]) -> str:
    """The text of a list with a digest of itself, computed without that line."""
    files = _json(checksums)
    itself = Checksum(len(files), hashlib.sha256(files.encode()).hexdigest())
    return _json({**checksums, FILE: itself}) + "\n"


def _json(files: Mapping[str, Checksum]) -> str:
    return json.dumps({name: checksum._asdict() for name, checksum in files.items()})


def listed(folder: Path) -> dict[str, Checksum]:
    """The list of a folder: checksums by relative path.

    Raises
    ------
    Damaged
        The list is missing or not readable.
    """
    return _read(folder / FILE)


def _read(path: Path) -> dict[str, Checksum]:
    try:
        text = path.read_text(encoding="utf-8")
        checksums = {
            name: Checksum(int(entry["bytes"]), str(entry["sha256"]))
            for name, entry in json.loads(text).items()
        }
    except FileNotFoundError:
        raise Damaged(path, "no such file") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Damaged(path, "not a list of files") from None
    checksums.pop(FILE, None)
    if text != _text(checksums):
        raise Damaged(path, "not the list that was written")
    return checksums


def check_sizes(folder: Path) -> None:
    """Refuse a folder as damaged if a listed file is missing or has another size."""
    for name, checksum in listed(folder).items():
        _check_size(folder / name, checksum)


def check_digests(folder: Path, names: Iterable[str] | None = None) -> None:
    """Compare the files of a folder, or some of them, with their sizes and digests.

    Raises
    ------
    Damaged
        A file differs, or is not listed.
    """
    known = listed(folder)
    for name in known if names is None else names:
        if name not in known:
            raise Damaged(folder / name, f"{FILE} does not list it")
        _check(folder / name, known[name])


def check_digests_if_listed(folder: Path, names: Iterable[str] | None = None) -> None:
    """Compare the files of a folder with its list, if it has one; a user's folder need not.

    Raises
    ------
    Damaged
        A file differs from the list.
    """
    if (folder / FILE).is_file():
        check_digests(folder, names)


def is_whole(folder: Path, *names: str) -> bool:
    """Whether a folder exists with all files intact: by sizes, and for ``names`` by digests."""
    try:
        check_sizes(folder)
        check_digests(folder, names)
    except Damaged:
        return False
    return True


def set_aside(path: Path) -> Path:
    """Move a damaged file or folder to an unused hidden name beside it."""
    names = (f".{path.name}.damaged{f'-{number}' if number else ''}" for number in count())
    target = next(candidate for candidate in map(path.with_name, names) if not candidate.exists())
    with suppress(FileNotFoundError):  # another process has moved it already
        path.rename(target)
    return target


def _checksum(path: Path) -> Checksum:
    return Checksum(path.stat().st_size, file_sha256(path))


def _check(path: Path, checksum: Checksum) -> None:
    _check_size(path, checksum)
    if file_sha256(path) != checksum.sha256:
        raise Damaged(path, "its sha256 differs from that of the written file")


def _check_size(path: Path, checksum: Checksum) -> None:
    try:
        size = path.stat().st_size
    except OSError:
        raise Damaged(path, "no such file") from None
    if size != checksum.bytes:
        raise Damaged(path, f"{size:,} bytes instead of {checksum.bytes:,}")
