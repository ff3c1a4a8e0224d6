"""The commands that list what there is, all of it or one entry by its name; and names that a shell completes."""

import argparse
from collections.abc import Callable, Iterable

from relscale.errors import RelscaleError
from relscale.suggestions import suggestion


def add_name(parser: argparse.ArgumentParser, of: str, names: Callable[[], Iterable[str]]) -> None:
    """The argument NAME."""
    completed(
        parser.add_argument("name", nargs="?", help=f"One {of}, to be explained (default: list them all)."),
        names,
    )


def completed(argument: argparse.Action, names: Callable[[], Iterable[str]]) -> None:
    """Let a shell complete an argument by names, which are looked up only then."""
    argument.completer = lambda **_: names()  # type: ignore[attr-defined]  # argcomplete's


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
