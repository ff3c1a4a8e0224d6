"""The code of a module that can change a number, as a digest that is kept between processes in the user's cache.

To reduce the syntax trees of the whole package takes two seconds, and each process of a workflow needs digests of code.
What is kept is found by everything that it is a function of: the source, this code, the version of Python, and the
answers about the module's imports.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from relscale import syntax_tree
from relscale.storage.atomic import atomic_path
from relscale.storage.user_cache import user_cache

CHANGES_NO_NUMBER = "reads code for digests; another digest is another key in any case"

LENGTH = 16  # hexadecimal digits kept of a sha256: 64 bits
MOST = 3_000  # modules and functions that are kept, of a few versions of this package


@dataclass(frozen=True)
class ReducedCode:
    """A module, or a function and the parts of its module that it uses, without what cannot change a number.

    Attributes
    ----------
    digest
        Digest of its text.
    imports
        The imports that remain, by their full names.
    data
        Names of the data files that it names, of those beside it.
    """

    digest: str
    imports: tuple[str, ...]
    data: tuple[str, ...]


@dataclass(frozen=True)
class _Kept:
    """What is kept of a module: its reduced code, and the imports that were asked about, with the answers."""

    asked: dict[str, bool]
    code: ReducedCode

    @classmethod
    def of(cls, entry: Any) -> "_Kept | None":
        """An entry of the file; None if it is not one."""
        try:
            code = entry["code"]
            return cls(
                dict(entry["asked"]), ReducedCode(code["digest"], tuple(code["imports"]), tuple(code["data"]))
            )
        except (TypeError, KeyError, ValueError):
            return None


class KeptCode:
    """Reduced code by digest of all that it depends on; ``file``, if any, has it of other processes too.

    A file that cannot be read or written is as good as none.
    """

    def __init__(self, file: Path | None):
        self.file = file
        self._written = _read(file) if file else {}
        self._kept: dict[str, _Kept] = {}
        self._new: dict[str, _Kept] = {}

    def reduced(
        self,
        source: str,
        function: str,
        package: str,
        data: Sequence[tuple[str, bool]],
        keeps_import: Callable[[str], bool],
    ) -> ReducedCode:
        """The reduced code of a module.

        Parameters
        ----------
        source
            Its source.
        function
            A function of it; empty for the whole module.
        package
            The package that it is in.
        data
            Names of the data files beside it, each with whether it is named by the module's name and a suffix too.
        keeps_import
            Whether an import can change a number, by its full name.
        """
        parts = [_code_of_this(), sys.version_info[:2], function, package, *map(list, data), source]
        key = _sha256(json.dumps(parts))
        kept = self._kept.get(key) or _Kept.of(self._written.get(key))
        if kept is None or any(keeps_import(name) != answer for name, answer in kept.asked.items()):
            kept = self._new[key] = _reduce(source, function, package, data, keeps_import)
        self._kept[key] = kept
        return kept.code

    def save(self) -> None:
        """Write what is new into the file, beside what other processes have written."""
        if not self._new or not self.file:
            return
        known = _read(self.file)
        kept = {**(known if len(known) < MOST else {}), **self._new}
        self._new = {}
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(self.file, durable=False) as partial:
                partial.write_text(json.dumps(kept, default=vars))


@cache
def kept_code() -> KeptCode:
    """The reduced code in the user's cache; without a home, in memory only."""
    try:
        return KeptCode(user_cache() / "reduced_code.json")
    except RuntimeError:  # no HOME, and no such user
        return KeptCode(None)


def _read(file: Path) -> dict[str, Any]:
    """The entries of the file, as they are in JSON: of the many, few are used."""
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _reduce(
    source: str,
    function: str,
    package: str,
    data: Sequence[tuple[str, bool]],
    keeps_import: Callable[[str], bool],
) -> _Kept:
    asked: dict[str, bool] = {}

    def answer(name: str) -> bool:
        return asked.setdefault(name, keeps_import(name))

    tree = ast.parse(source)
    if function:
        tree = syntax_tree.needed_by(tree, function)
    imports = syntax_tree.prune(tree, package, answer)
    named = syntax_tree.string_constants(tree) if data else frozenset()
    files = tuple(
        name for name, has_name in data if name in named or (has_name and Path(name).suffix in named)
    )
    return _Kept(asked, ReducedCode(_sha256(syntax_tree.text(tree))[:LENGTH], imports, files))


@cache
def _code_of_this() -> str:
    return _sha256(
        "".join(Path(file).read_text(encoding="utf-8") for file in (__file__, syntax_tree.__file__))
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
