"""Digests of data and code: what a result depends on, as short strings."""

import ast
import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from relscale import identity, syntax_tree

CHANGES_NO_NUMBER = "digests; another digest is another key as it is"

PACKAGE = Path(__file__).parent
LENGTH = 16  # hexadecimal digits kept of a sha256: 64 bits


def digest(value: Any) -> str:
    """Digest of a JSON-able value; equal values, whatever the order of their keys, give equal digests."""
    return _short(json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode())


def file_sha256(path: str | Path) -> str:
    """The sha256 of a file's bytes, whole, for manifests that others check."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digest(path: str | Path) -> str:
    """Digest of a file's bytes."""
    return file_sha256(path)[:LENGTH]


def folder_digest(folder: str | Path) -> str:
    """Digest of the names and bytes of all files below ``folder``, hidden files and byte code left out."""
    folder = Path(folder)
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix != ".pyc"
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    return digest([(path.relative_to(folder).as_posix(), file_digest(path)) for path in files])


def files_state(path: str | Path) -> str | None:
    """Digest of names, sizes and times of last change of a file, or of all below a folder; None where nothing is.

    For data that are too large to be read only to see that they are the same.
    """
    if not path or not Path(path).exists():
        return None
    path = Path(path)
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    stats = [(file.relative_to(path).as_posix(), file.stat()) for file in files]
    return digest([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])


@cache
def code_digest(*entries: str) -> str:
    """Digest of the code and the libraries that can change a number of what ``entries`` compute.

    Static: what a module imports, inside functions too, is read from its syntax tree, and nothing is executed. Of each
    module that is reached its tree counts (`relscale.syntax_tree`), with the data files beside it that it names, and of
    each library its version. What cannot change a number does not count, unless it is itself an entry, and a developer
    may say otherwise (`relscale.identity`).

    Snakemake sees no code behind a shell command; each rule has this digest as a parameter, so that a change re-runs
    the stages that depend on it and no others. What lies in the store has it in its name.

    Parameters
    ----------
    *entries
        Modules, such as ``"relscale.training.run"``, or functions, such as ``"relscale.commands.collect:run"``: of such
        a module only the function counts, with all that it uses.

    Raises
    ------
    ValueError
        There is no such module or function.
    """
    return digest(
        [
            (entry, identity.REVISIONS.get(entry, 0), source_digest(entry), *map(_same, libraries(entry)))
            for entry in sorted(entries)
        ]
    )


def source_digest(entry: str) -> str:
    """The part of `code_digest` that is this package's own source."""
    return _same(digest(sorted((name, module.digest) for name, module in _reached(entry).items())))


def libraries(entry: str) -> tuple[str, ...]:
    """The libraries that can change a number of what ``entry`` computes, each as ``name==version``.

    The version of one that is not installed is ``none``.
    """
    names = {name for module in _reached(entry).values() for name in module.imports if _computes(name)}
    return tuple(f"{name}=={_version(name)}" for name in sorted({name.partition(".")[0] for name in names}))


@cache
def reason_not_counted(module: str) -> str:
    """Why a module of this package cannot change a number, in its own words; empty where it can."""
    path = _file(module)
    return syntax_tree.reason(path.read_text(encoding="utf-8")) if path else ""


def closure(entries: Iterable[str]) -> dict[str, Path]:
    """The modules of this package that can change a number of what ``entries`` compute, with their files."""
    parts = (part for entry in entries for part in _reached(entry).items())
    return {name.partition(":")[0]: part.path for name, part in parts}


@dataclass(frozen=True)
class _Part:
    """A digest of the code of a module, or of a function and what it uses of its module, and its imports."""

    path: Path
    digest: str
    imports: tuple[str, ...]


def _reached(entry: str) -> dict[str, _Part]:
    """The modules and functions that an entry reaches by imports, itself among them."""
    parts = {entry: _part(entry)}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        counts_all = bool(reason_not_counted(name))  # then it is here because it was asked for by its name
        for imported in map(_module, parts[name].imports):
            if imported in parts or imported in ("", PACKAGE.name):
                continue
            if counts_all or not reason_not_counted(imported):
                parts[imported] = _part(imported)
                waiting.append(imported)
    return parts


@cache
def _part(entry: str) -> _Part:
    name, _, function = entry.partition(":")
    path = _file(name)
    if path is None:
        raise ValueError(f"{name}: no such module")
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if function:
        tree = syntax_tree.used(tree, function)
    imports = syntax_tree.prune(tree, package, _all if reason_not_counted(name) else _can_change_numbers)
    parts = [syntax_tree.text(tree).encode(), *(file.read_bytes() for file in _data(path, tree))]
    return _Part(path, digest(list(map(_short, parts))), (*_packages(name), *imports))


@cache
def _module(name: str) -> str:
    """The module of this package that something is imported from by its full name; empty where it is another's."""
    while name and _file(name) is None:
        name = name.rpartition(".")[0]
    return name


def _data(path: Path, tree: ast.AST) -> list[Path]:
    """The files beside a module that it names, or whose name is its own with an ending that it names."""
    data_files = _files_of_data(path.parent)
    named = syntax_tree.texts(tree) if data_files else frozenset()
    return [
        file for file in data_files if file.name in named or (file.stem == path.stem and file.suffix in named)
    ]


@cache
def _files_of_data(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix not in (".py", ".pyc") and file.is_file())


def _can_change_numbers(name: str) -> bool:
    """Whether what is imported by this name counts."""
    return not reason_not_counted(_module(name))


def _all(name: str) -> bool:
    return True


def _packages(module: str) -> list[str]:
    """The packages that a module is in, but for this one as a whole: Python runs them first."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(2, len(parts))]


def _computes(name: str) -> bool:
    """Whether what is imported by this name is another project's, and can change a number."""
    first = name.partition(".")[0]
    return (
        first != PACKAGE.name
        and first not in sys.stdlib_module_names
        and (first not in identity.CARRIER_LIBRARIES or name in identity.COMPUTING_PARTS)
    )


@cache
def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"


def _same(current: str) -> str:
    """The former digest, where a developer says that both give the same numbers."""
    while current in identity.SAME_NUMBERS:
        current = identity.SAME_NUMBERS[current]
    return current


@cache
def _file(name: str) -> Path | None:
    """The file of a module of this package; None for a name that is no module (a function, say)."""
    first, *parts = name.split(".")
    base = PACKAGE.joinpath(*parts)
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if first == PACKAGE.name and path.is_file():
            return path
    return None


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:LENGTH]


if __name__ == "__main__":
    for entry in sys.argv[1:]:
        print(entry, source_digest(entry), *libraries(entry))
