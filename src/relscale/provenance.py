"""Digests of data and code: what a result depends on, as short strings."""

import hashlib
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

from relscale import identity, syntax_tree
from relscale.reduced_code import LENGTH, kept_code
from relscale.storage.folder_files import files_below, visible_files_below

CHANGES_NO_NUMBER = "computes digests; another digest is another key in any case"

PACKAGE = Path(__file__).parent
VERSION = re.compile(r"^Version: *(\S+)", re.MULTILINE)  # in the metadata of an installed library


def digest(value: Any) -> str:
    """Digest of a JSON-serialisable value, independent of the order of its keys."""
    return _short(json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode())


def file_sha256(path: str | Path) -> str:
    """The full sha256 of a file's bytes, for manifests that others check."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digest(path: str | Path) -> str:
    """Digest of a file's bytes."""
    return file_sha256(path)[:LENGTH]


def folder_digest(folder: str | Path) -> str:
    """Digest of the names and bytes of all files below ``folder``, except hidden files and byte code."""
    folder = Path(folder)
    files = sorted(path for path in visible_files_below(folder) if path.suffix != ".pyc")
    return digest([(path.relative_to(folder).as_posix(), file_digest(path)) for path in files])


def files_state(path: str | Path) -> str | None:
    """Digest of the names, sizes and modification times of the files at a path; None if nothing is there.

    For data that are too large to be read only to detect changes.
    """
    if not path or not Path(path).exists():
        return None
    path = Path(path)
    files = sorted(file for file in files_below(path) if file.is_file()) if path.is_dir() else [path]
    stats = [(file.relative_to(path).as_posix(), file.stat()) for file in files]
    return digest([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])


@cache
def code_digest(*entries: str) -> str:
    """Digest of the code and the libraries that can change a number computed by ``entries``.

    Static: imports, including those inside functions, are read from syntax trees, and nothing is executed. The digest
    covers the syntax tree of each imported module of this package (`relscale.syntax_tree`), the data files beside it
    that it names, and the version of each imported library. Code that cannot change a number is excluded, unless it is
    itself an entry; a developer can override this (`relscale.identity`).

    Snakemake does not see the code behind a shell command; each rule has this digest as a parameter, so that a change
    re-runs the stages that depend on it and no others. Names in the store include it too.

    Parameters
    ----------
    *entries
        Modules, such as ``"relscale.training.run"``, or functions, such as ``"relscale.commands.collect:run"``; for a
        function, the digest covers it and the parts of its module that it uses.

    Raises
    ------
    ValueError
        There is no such module or function.
    """
    return digest(
        [
            (
                entry,
                identity.REVISIONS.get(entry, 0),
                source_digest(entry),
                *map(_equivalent, libraries(entry)),
            )
            for entry in sorted(entries)
        ]
    )


def source_digest(entry: str) -> str:
    """The part of `code_digest` that covers this package's own source."""
    return _equivalent(digest(sorted((name, module.digest) for name, module in _reached(entry).items())))


def libraries(entry: str) -> tuple[str, ...]:
    """The libraries that can change a number computed by ``entry``, each as ``name==version``.

    A library that is not installed has the version ``none``.
    """
    names = {library for name in _reached(entry) for library in _imported_libraries(name)}
    return tuple(f"{name}=={_version(name)}" for name in sorted(names))


@cache
def reason_excluded(module: str) -> str:
    """The reason, stated in a module of this package, why it cannot change a number; empty if it can."""
    path = _file(module)
    return syntax_tree.reason(path.read_text(encoding="utf-8")) if path else ""


def closure(entries: Iterable[str]) -> dict[str, Path]:
    """The modules of this package that can change a number computed by ``entries``, with their files."""
    parts = (part for entry in entries for part in _reached(entry).items())
    return {name.partition(":")[0]: part.path for name, part in parts}


@dataclass(frozen=True)
class _Part:
    """Digest, imports and data of a module, or of a function and the parts of its module that it uses."""

    path: Path
    data: tuple[Path, ...]
    digest: str
    imports: tuple[str, ...]


@cache
def _reached(entry: str) -> dict[str, _Part]:
    """The modules and functions that an entry imports, directly or not, including itself."""
    parts = {entry: _part(entry)}
    pending = [entry]
    while pending:
        for imported in _imported_modules(pending.pop()):
            if imported not in parts:
                parts[imported] = _part(imported)
                pending.append(imported)
    kept_code().save()
    return parts


@cache
def _imported_modules(name: str) -> tuple[str, ...]:
    """The modules of this package that a part imports and that can change a number; all, if it is excluded itself."""
    modules = dict.fromkeys(map(_module, _part(name).imports))
    includes_all = bool(reason_excluded(name))  # an excluded module is here only as the entry
    return tuple(
        module
        for module in modules
        if module not in ("", PACKAGE.name) and (includes_all or not reason_excluded(module))
    )


@cache
def _imported_libraries(name: str) -> frozenset[str]:
    """The libraries that a part imports and that can change a number."""
    return frozenset(found.partition(".")[0] for found in _part(name).imports if _computes(found))


@cache
def _part(entry: str) -> _Part:
    name, _, function = entry.partition(":")
    path = _file(name)
    if path is None:
        raise ValueError(f"{name}: no such module")
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    beside = {file.name: file for file in _data_files(path.parent)}
    code = kept_code().reduced(
        path.read_text(encoding="utf-8"),
        function,
        package,
        [(data, file.stem == path.stem) for data, file in beside.items()],
        _all if reason_excluded(name) else _can_change_numbers,
    )
    files = tuple(beside[data] for data in code.data)
    parts = [code.digest, *(_short(file.read_bytes()) for file in files)]
    return _Part(path, files, digest(parts), (*_packages(name), *code.imports))


@cache
def _module(name: str) -> str:
    """The module of this package that contains an imported name; empty for names of other packages."""
    while name and _file(name) is None:
        name = name.rpartition(".")[0]
    return name


@cache
def _data_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix not in (".py", ".pyc") and file.is_file())


def _can_change_numbers(name: str) -> bool:
    """Whether an imported name of this package can change a number."""
    return not reason_excluded(_module(name))


def _all(name: str) -> bool:
    return True


def _packages(module: str) -> list[str]:
    """The packages that contain a module, except the top one; Python executes them first."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(2, len(parts))]


def _computes(name: str) -> bool:
    """Whether an imported name belongs to another project and can change a number."""
    first = name.partition(".")[0]
    return (
        first != PACKAGE.name
        and first not in sys.stdlib_module_names
        and (first not in identity.NON_COMPUTING_LIBRARIES or name in identity.COMPUTING_PARTS)
    )


@cache
def _version(library: str) -> str:
    try:
        metadata = distribution(library).read_text("METADATA") or ""
    except PackageNotFoundError:
        return "none"
    found = VERSION.search(metadata)  # to parse all of it, with its licences, takes ten times as long
    return found[1] if found else version(library)


def _equivalent(current: str) -> str:
    """The former digest, if a developer has declared that both give the same numbers."""
    while current in identity.SAME_NUMBERS:
        current = identity.SAME_NUMBERS[current]
    return current


@cache
def _file(name: str) -> Path | None:
    """The file of a module of this package; None for any other name, such as that of a function."""
    first, *parts = name.split(".")
    if first == PACKAGE.name:
        base = PACKAGE.joinpath(*parts)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:LENGTH]


if __name__ == "__main__":
    for entry in sys.argv[1:]:
        print(entry, source_digest(entry), *libraries(entry))
