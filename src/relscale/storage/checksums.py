"""Folders that list the size and sha256 of their files, so that none is trusted because it is there.

The list is written while the folder still has its temporary name (``relscale.storage.atomic``), and is therefore
whole or absent with it; it has a line for itself, so that a changed digest of a file that nobody reads is noticed too.
Sizes are looked at wherever a folder is found; digests once, where a job starts to read it.
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

CHANGES_NO_NUMBER = "refuses a folder that is not what was written"

FILE = "checksums.json"


class Checksum(NamedTuple):
    """Of one file."""

    bytes: int
    sha256: str


@contextmanager
def sealed_folder(folder: str | Path) -> Iterator[Path]:
    """Yield an empty folder that gets its list, and then the name ``folder``, on success (``atomic_path``)."""
    with atomic_path(folder) as partial:
        partial.mkdir()
        yield partial
        seal(partial)


def seal(folder: Path) -> None:
    """List all files below ``folder`` in its ``checksums.json``."""
    remove(folder / FILE)
    _write(folder, _scan(folder))


def _scan(folder: Path) -> dict[str, Checksum]:
    """The files below a folder; the digests of those in one that has a list are taken from there."""
    known = listed(folder) if (folder / FILE).is_file() else {}
    checksums: dict[str, Checksum] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            checksums |= {f"{path.name}/{name}": checksum for name, checksum in _scan(path).items()}
        else:
            checksums[path.name] = known.get(path.name) or _checksum(path)
    return checksums


def files_list(path: Path) -> Path:
    """The path of the list of files that have a name in common, as the formats of a figure have."""
    return path.with_name(f".{path.stem}.{FILE}")


def seal_files(path: Path, files: Iterable[Path]) -> None:
    """Write the list beside such files."""
    write_text(path, _text({file.name: _checksum(file) for file in files}))


def listed_files(path: Path) -> list[Path]:
    """The files that such a list names.

    Raises
    ------
    Damaged
        There is none, or none that can be read.
    """
    return [path.with_name(name) for name in _read(path)]


def check_files(path: Path) -> None:
    """Hold such files against the list.

    Raises
    ------
    Damaged
        One is another, or there is no list.
    """
    for name, checksum in _read(path).items():
        _check(path.with_name(name), checksum)


def add_to_seal(folder: Path, name: str) -> None:
    """List one more file of a folder that is not yet in its place."""
    checksums = {**listed(folder), name: _checksum(folder / name)}
    remove(folder / FILE)  # which may be a second name of another folder's
    _write(folder, checksums)


def _write(folder: Path, files: Mapping[str, Checksum]) -> None:
    (folder / FILE).write_text(_text(files), encoding="utf-8")


def _text(checksums: Mapping[str, Checksum]) -> str:
    """A list, which lists itself too: of what it says without that line."""
    files = _json(checksums)
    itself = Checksum(len(files), hashlib.sha256(files.encode()).hexdigest())
    return _json({**checksums, FILE: itself}) + "\n"


def _json(files: Mapping[str, Checksum]) -> str:
    return json.dumps({name: checksum._asdict() for name, checksum in files.items()})


def listed(folder: Path) -> dict[str, Checksum]:
    """The list of a folder, by the files' paths in it.

    Raises
    ------
    Damaged
        There is none, or none that can be read.
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
    """See that all listed files of a folder are there and have their sizes.

    Raises
    ------
    Damaged
        One does not.
    """
    for name, checksum in listed(folder).items():
        _check_size(folder / name, checksum)


def check_digests(folder: Path, names: Iterable[str] | None = None) -> None:
    """Hold the files of a folder, or some of them, against their sizes and digests.

    Raises
    ------
    Damaged
        One is another, or is not listed.
    """
    known = listed(folder)
    for name in known if names is None else names:
        if name not in known:
            raise Damaged(folder / name, f"{FILE} does not list it")
        _check(folder / name, known[name])


def check_digests_if_listed(folder: Path, names: Iterable[str] | None = None) -> None:
    """The same for a folder that may be a user's own, and then has no list.

    Raises
    ------
    Damaged
        A file is another than the list says.
    """
    if (folder / FILE).is_file():
        check_digests(folder, names)


def is_whole(folder: Path, *names: str) -> bool:
    """Whether a folder is there with all of its files, by their sizes, and ``names`` by their digests."""
    try:
        check_sizes(folder)
        check_digests(folder, names)
    except Damaged:
        return False
    return True


def set_aside(path: Path) -> Path:
    """Move what is damaged out of the way, to a hidden name beside it that nothing has yet."""
    names = (f".{path.name}.damaged{f'-{number}' if number else ''}" for number in count())
    target = next(candidate for candidate in map(path.with_name, names) if not candidate.exists())
    with suppress(FileNotFoundError):  # another process has seen it too
        path.rename(target)
    return target


def _checksum(path: Path) -> Checksum:
    return Checksum(path.stat().st_size, file_sha256(path))


def _check(path: Path, checksum: Checksum) -> None:
    _check_size(path, checksum)
    if file_sha256(path) != checksum.sha256:
        raise Damaged(path, "its sha256 is not that of what was written")


def _check_size(path: Path, checksum: Checksum) -> None:
    try:
        size = path.stat().st_size
    except OSError:
        raise Damaged(path, "no such file") from None
    if size != checksum.bytes:
        raise Damaged(path, f"{size:,} bytes, written were {checksum.bytes:,}")
