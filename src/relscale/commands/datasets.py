"""``relscale datasets``: the published tables shipped with relscale."""

import argparse
import shlex
from collections.abc import Iterable

from relscale.commands.listing import add_name, check_name
from relscale.commands.outputs import output_table

HELP = "list the published tables, or show one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME and --output."""
    add_name(parser, "table", _names)
    parser.add_argument(
        "--output", type=output_table, metavar="FILE", help="Write a copy of the table (.csv or .parquet)."
    )


def _names() -> Iterable[str]:
    from relscale.datasets import DATASETS

    return DATASETS


def run(options: argparse.Namespace) -> None:
    """List the published tables, or show one: its path, first rows, and a command that fits it.

    With --output a copy is written, which can be fitted like any table.
    """
    from relscale.datasets import DATASETS, dataset, datasets
    from relscale.errors import RelscaleError
    from relscale.package_files import REFERENCE
    from relscale.storage.tables import write_table
    from relscale.table_fit.frame import Frame

    if options.name is None:
        if options.output:
            raise RelscaleError(f"--output: name the table to write, one of {', '.join(DATASETS)}")
        print(Frame(datasets().to_arrow().select(["name", "description", "source"])))
        return
    check_name("data set", options.name, DATASETS)
    published, table = DATASETS[options.name], dataset(options.name)
    path = options.output or REFERENCE / published.file
    if options.output:
        if path.exists():
            raise RelscaleError(f"{path}: already exists; choose another --output, or remove it")
        write_table(table.to_arrow(), path)
    print(f"{options.name}: {published.description}\n{published.source}\n{path}\n")
    print(Frame(table.to_arrow().slice(0, 5)), f"\n… {len(table)} rows\n")
    arguments = " ".join(f"--{name} {_argument(value)}" for name, value in published.fit.items())
    print(f"relscale fit {shlex.quote(str(path))} {arguments}")


def _argument(value: str | float | list[str]) -> str:
    return shlex.quote(",".join(value) if isinstance(value, list) else str(value))
