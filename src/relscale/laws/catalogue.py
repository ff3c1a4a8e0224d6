"""The laws there are, by name: every module of this package that defines ``LAW``, a ``Law``."""

import importlib
from functools import cache
from pathlib import Path

from relscale.errors import RelscaleError
from relscale.laws.law import Law


@cache
def law_names() -> tuple[str, ...]:
    """The names of all laws, sorted."""
    folder = Path(__file__).parent
    return tuple(sorted(p.stem for p in folder.glob("*.py") if "\nLAW = " in p.read_text(encoding="utf-8")))


def law(name: str) -> Law:
    """The law of that name.

    Raises
    ------
    RelscaleError
        There is none.
    """
    if name not in law_names():
        raise RelscaleError(f"no law {name!r}; there are {', '.join(law_names())}")
    found: Law = importlib.import_module(f"relscale.laws.{name}").LAW
    return found
