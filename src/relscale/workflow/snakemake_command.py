"""Snakemake, which says in one line what is wrong with its options (``python -m`` of this module)."""

import argparse
from typing import NoReturn

from snakemake.cli import main


def refuse(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    """End with what is wrong, without the hundred lines of options that argparse would put before it."""
    parser.exit(2, f"relscale run: Snakemake: {message} (snakemake --help)\n")


if __name__ == "__main__":
    argparse.ArgumentParser.error = refuse  # type: ignore[assignment,method-assign]
    main()
