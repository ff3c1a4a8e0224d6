"""``relscale datasets``: the published tables that come with relscale."""

import argparse
import shlex

from relscale.commands.listing import add_name, check_name

HELP = "list the published tables, or show one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME."""
    add_name(parser, "table")


def run(options: argparse.Namespace) -> None:
    """List the published tables, or show one: where it is, its first rows, and a command that fits it."""
    from relscale.datasets import DATASETS, dataset, datasets
    from relscale.frame import Frame
    from relscale.package_files import REFERENCE

    if options.name is None:
        print(Frame(datasets().to_arrow().select(["name", "description", "source"])))
        return
    check_name("data set", options.name, DATASETS)
    each, table = DATASETS[options.name], dataset(options.name)
    path = REFERENCE / each.file
    print(f"{options.name}: {each.description}\n{each.source}\n{path}\n")
    print(Frame(table.to_arrow().slice(0, 5)), f"\n… {len(table)} rows\n")
    arguments = " ".join(f"--{name} {_argument(value)}" for name, value in each.fit.items())
    print(f"relscale fit {shlex.quote(str(path))} {arguments}")


def _argument(value: str | list[str]) -> str:
    return shlex.quote(value if isinstance(value, str) else ",".join(value))
