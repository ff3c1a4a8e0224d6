"""scipy without what neither it nor this program uses, for processes of the command line.

numpy imports f2py, masked arrays and others when they are first asked for. ``scipy.special`` asks for every name that
numpy lists (``scipy._lib.array_api_compat``), and so imports all of them, which takes a fifth of a second.

scipy parses the docstring of each function as it is defined, to add a note on array libraries other than numpy
(``scipy._lib._array_api.xp_capabilities``): a third of the time of each import of ``scipy.special``, ``optimize`` or
``stats``.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

UNUSED = frozenset(
    {"f2py", "testing", "polynomial", "ctypeslib", "ma", "random", "rec", "char", "core", "strings", "typing"}
)
NOTES = "xp_capabilities"  # the decorator of scipy._lib._array_api that adds the notes; private, so it may be absent


def use_scipy_without_f2py() -> None:
    """Take the names from numpy's lists; ``import numpy.f2py`` and ``numpy.f2py`` work as before."""
    import numpy as np

    np.__all__ = [name for name in np.__all__ if name not in UNUSED]
    listed: set[str] = getattr(np, "__numpy_submodules__", set())  # private, so it may be absent
    listed -= UNUSED


def use_scipy_without_notes() -> None:
    """Let scipy add no notes, once it is imported."""
    sys.meta_path.insert(0, _WithoutNotes())


class _WithoutNotes(MetaPathFinder):
    """Replaces the decorator when a part of scipy that uses it is first imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in (
            "scipy.special",
            "scipy.optimize",
            "scipy.stats",
            "scipy.linalg",
            "scipy.interpolate",
        ):
            sys.meta_path = [
                finder for finder in sys.meta_path if finder is not self
            ]  # the old one is being read
            try:
                from scipy._lib import _array_api
            except ImportError:
                return None
            if hasattr(_array_api, NOTES):
                setattr(_array_api, NOTES, _without_note)
        return None


def _without_note(*_: object, **__: object) -> Callable[[Any], Any]:
    return lambda function: function
