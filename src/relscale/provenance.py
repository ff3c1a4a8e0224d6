"""Digests of data and code: what a result depends on, as short strings."""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

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
def code_digest(*modules: str) -> str:
    """Digest of the source of ``modules`` and of every relscale module that they import, directly or not.

    Static: imports are read from the syntax tree, those inside functions included, and nothing is executed.
    Snakemake sees no code behind a shell command; each rule carries this digest as a parameter, so that a change
    re-runs the stages that depend on the changed file and no others. A file in C beside a module, of its name, is part
    of it.

    Parameters
    ----------
    *modules
        Dotted names inside the package, such as ``"relscale.training.run"``.
    """
    return digest(
        [
            (name, *(file_digest(file) for file in (path, path.with_suffix(".c")) if file.is_file()))
            for name, path in sorted(closure(modules).items())
        ]
    )


def closure(modules: Iterable[str]) -> dict[str, Path]:
    """The relscale modules reached from ``modules`` by import statements, with their files."""
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _module_file(name)
        if name in found or path is None:
            continue
        found[name] = path
        waiting += _imports(name, path)
    return found


@cache
def _imports(name: str, path: Path) -> list[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            source = ".".join(part for part in (base, node.module) if part)
            names += [source, *(f"{source}.{alias.name}" for alias in node.names)]
    return [imported for imported in names if imported.split(".")[0] == PACKAGE.name]


def _module_file(name: str) -> Path | None:
    """The file of a module of this package; None for a name that is no module (a function, say)."""
    base = PACKAGE.joinpath(*name.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:LENGTH]
