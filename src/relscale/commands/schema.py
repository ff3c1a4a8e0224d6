"""``relscale schema``: the JSON Schema of configs."""

import argparse

from relscale.commands.outputs import output_file

HELP = "print the JSON Schema of configs, for completion and validation in editors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--output."""
    parser.add_argument("--output", type=output_file, help="Output file (default: print).")


def run(options: argparse.Namespace) -> None:
    """Print the JSON Schema of configs, with every key, its meaning, range and default.

    Editors use it if the first line of a config is # yaml-language-server: $schema=PATH
    """
    from relscale.experiments.config_schema import schema_text

    if options.output:
        options.output.write_text(schema_text(), encoding="utf-8")
    else:
        print(schema_text(), end="")
