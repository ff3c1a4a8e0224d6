"""Snakemake with one-line errors for invalid options, which ends with the ``relscale run`` that started it:
``python -m relscale.workflow.snakemake_command``.
"""

import argparse
import os
from typing import NoReturn

from snakemake.cli import main

from relscale.storage.process import RUN, end_with


def exit_with_error(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    """Exit with the error only, without the hundred lines of options that argparse prints before it."""
    parser.exit(2, f"relscale run: Snakemake: {message} (snakemake --help)\n")


if __name__ == "__main__":
    if RUN in os.environ:
        end_with(int(os.environ[RUN]))
    argparse.ArgumentParser.error = exit_with_error  # type: ignore[assignment,method-assign]
    main()
