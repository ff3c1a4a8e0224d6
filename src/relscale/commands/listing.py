"""Names of catalogue entries on the command line, with shell completion."""

import argparse
from collections.abc import Callable, Iterable

from relscale.errors import RelscaleError
from relscale.suggestions import suggestion


def add_name(parser: argparse.ArgumentParser, kind: str, names: Callable[[], Iterable[str]]) -> None:
    """The argument NAME."""
    complete_by(
        parser.add_argument("name", nargs="?", help=f"Name of a {kind} (default: list all)."),
        names,
    )


def complete_by(argument: argparse.Action, names: Callable[[], Iterable[str]]) -> None:
    """Let shells complete an argument by names, which are looked up only on completion."""
    argument.completer = lambda **_: names()  # type: ignore[attr-defined]  # argcomplete's


def check_name(kind: str, name: str, known: Iterable[str]) -> None:
    """Refuse a name that is not listed."""
    names = list(known)
    if name not in names:
        raise RelscaleError(f"no {kind} {name!r}; {suggestion(name, names)}")
