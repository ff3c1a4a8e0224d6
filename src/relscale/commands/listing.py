"""The verbs that list what there is: a table of all, or one entry by its name."""

import argparse
from collections.abc import Iterable

from relscale.errors import RelscaleError
from relscale.suggestions import suggestion


def add_name(parser: argparse.ArgumentParser, of: str) -> None:
    """The argument NAME."""
    parser.add_argument("name", nargs="?", help=f"One {of}, to be explained (default: list them all).")


def check_name(kind: str, name: str, known: Iterable[str]) -> None:
    """See that a name is one of those there are.

    Raises
    ------
    RelscaleError
        It is not.
    """
    names = list(known)
    if name not in names:
        raise RelscaleError(f"no {kind} {name!r}; {suggestion(name, names)}")
