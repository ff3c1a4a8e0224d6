"""``relscale figures``: the available figures."""

import argparse
from collections.abc import Iterable

from relscale.commands.listing import add_name, check_name

HELP = "list the figures, or explain one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME."""
    add_name(parser, "figure", _names)


def _names() -> Iterable[str]:
    from relscale.listings import figures

    return figures()["figure"]


def run(options: argparse.Namespace) -> None:
    """List the figures, or describe one and its name in a config."""
    import ast
    from pathlib import Path

    from relscale.figures import plot
    from relscale.listings import figures

    listed = figures()
    if options.name is None:
        print(listed)
        return
    check_name("figure", options.name, listed["figure"])
    file = Path(plot.__file__).with_name(f"{options.name.replace('-', '_')}.py")
    print(ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))))
    per_suite = listed.where(figure=options.name)["per_suite"][0]
    print(f"\nIn a config: figures: [{options.name}]" + (f", or [{options.name}-SUITE]" if per_suite else ""))
