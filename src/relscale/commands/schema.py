"""``relscale schema``: the JSON Schema of configs."""

import argparse
from pathlib import Path

HELP = "print the JSON Schema of configs, by which editors complete and check them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--output."""
    parser.add_argument("--output", type=Path, help="Write it to this file instead of printing it.")


def run(options: argparse.Namespace) -> None:
    """Print the JSON Schema of configs, with every key, its meaning, range and default.

    Editors use it where a config's first line names it: # yaml-language-server: $schema=PATH
    """
    from relscale.config_schema import schema_text

    if options.output:
        options.output.write_text(schema_text(), encoding="utf-8")
    else:
        print(schema_text(), end="")
