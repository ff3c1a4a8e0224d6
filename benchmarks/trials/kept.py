"""Results of trials on disk: an interrupted measurement resumes, and a trial whose code changed is repeated.

A result is named by the trial's arguments and by the code of benchmarks and relscale that it reaches by imports,
without comments and docstrings. The name of a law's trial includes the code and the design of that law only.
"""

import ast
import functools
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from relscale import syntax_tree
from relscale.provenance import digest, source_digest
from relscale.storage.atomic import atomic_path

BENCHMARKS = Path(__file__).parents[1]
KEPT = BENCHMARKS.parent / "results" / "coverage"


@dataclass(frozen=True)
class Trial:
    """A function of a module of benchmarks, with its arguments.

    Attributes
    ----------
    function, arguments
        The call.
    without
        Modules on which the result depends only by ``beside``.
    beside
        What else it depends on, besides the call and the code reached by imports.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    without: tuple[str, ...] = ()
    beside: tuple[object, ...] = field(default=())

    @property
    def name(self) -> str:
        """The function, and its arguments that are words or numbers."""
        words = (str(each) for each in self.arguments if isinstance(each, int | float | str))
        return "-".join((self.function.__name__, *words)).replace(" ", "_").replace("/", "_")

    @property
    def path(self) -> Path:
        """The file of its result."""
        code = code_digest(self.function.__module__, self.without)
        return (
            KEPT / f"{self.name[:80]}-{digest([code, repr(self.arguments), *map(repr, self.beside)])}.pickle"
        )


def result(trial: Trial) -> Any:
    """The trial's result, read from disk if it is there; otherwise its processor time is logged."""
    if trial.path.is_file():
        return pickle.loads(trial.path.read_bytes())
    start = time.process_time()
    found = trial.function(*trial.arguments)
    with atomic_path(trial.path) as partial:
        partial.write_bytes(pickle.dumps(found))
    print(f"{time.process_time() - start:6.1f} s of CPU  {trial.name}", file=sys.stderr, flush=True)
    return found


@functools.cache
def code_digest(module: str, without: tuple[str, ...] = ()) -> str:
    """Digest of a benchmark module and all code that it reaches by imports, except the modules ``without``."""
    trees: dict[str, str] = {}
    entries: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = BENCHMARKS.joinpath(*name.split(".")).with_suffix(".py")
        if name in trees or name in without or not path.is_file():
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        package = name.rpartition(".")[0]
        syntax_tree.prune(tree, package, lambda _: True)
        trees[name] = syntax_tree.text(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                reached = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                waiting += reached
                entries |= {each for each in reached if _is_module(each)}
    return digest([sorted(trees.items()), sorted((entry, source_digest(entry)) for entry in entries)])


def _is_module(name: str) -> bool:
    """Whether it is a module of relscale."""
    first, *parts = name.split(".")
    path = BENCHMARKS.parent.joinpath("src", "relscale", *parts)
    return first == "relscale" and (path.with_suffix(".py").is_file() or (path / "__init__.py").is_file())
