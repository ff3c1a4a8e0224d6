"""Snakemake with one-line errors for invalid options: ``python -m relscale.workflow.snakemake_command``."""

import argparse
from typing import NoReturn

from snakemake.cli import main


def exit_with_error(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    """Exit with the error only, without the hundred lines of options that argparse prints before it."""
    parser.exit(2, f"relscale run: Snakemake: {message} (snakemake --help)\n")


if __name__ == "__main__":
    argparse.ArgumentParser.error = exit_with_error  # type: ignore[assignment,method-assign]
    main()
