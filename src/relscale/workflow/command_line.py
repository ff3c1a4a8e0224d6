"""The config files of a Snakemake command line, read before Snakemake reads them.

Snakemake's reader names neither file nor line of invalid YAML, ends in a traceback if a file is not UTF-8, expands
references without limit, and runs Python in a file with ``__use_yte__``. The profile calls this first.
"""

import sys
from collections.abc import Sequence

from relscale.errors import RelscaleError
from relscale.storage.yaml_text import read

OPTIONS = ("--configfile", "--configfiles")
TEMPLATE = "__use_yte__"


def read_config_files(arguments: Sequence[str]) -> None:
    """Read each file after ``--configfile``; exit with a one-sentence error if one cannot be read."""
    for path in config_files(arguments):
        try:
            config = read(path)
            if isinstance(config, dict) and TEMPLATE in config:
                raise RelscaleError(
                    f"{path}: {TEMPLATE} runs Python in the file; remove it, a config is data"
                )
        except RelscaleError as error:
            sys.exit(str(error))


def config_files(arguments: Sequence[str]) -> list[str]:
    """The values of ``--configfile``: up to the next option, or after its ``=``."""
    paths: list[str] = []
    is_file = False
    for argument in arguments:
        option, equals, path = argument.partition("=")
        if argument.startswith("-"):
            is_file = option in OPTIONS
            paths += [path] if is_file and equals else []
        elif is_file:
            paths.append(argument)
    return paths
