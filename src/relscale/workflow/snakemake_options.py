"""Options of a Snakemake command line that are needed before Snakemake has applied them."""

import os
import re
from collections.abc import Sequence

# Options of commands that run no job.
READ_ONLY = re.compile(
    r"-[pqkreF]*n[pqkreF0-9]*|-[lDS]|--(dry-?run|lint|list.*|(detailed-)?summary|dag|rulegraph|filegraph|d3dag|report"
    r"|archive|unlock|cleanup-metadata|print-compilation)(=.*)?"
)
NAMES_EXECUTOR = re.compile(r"--[pe]|-[a-zA-Z]*e")  # beginnings of --profile and --executor, also abbreviated
DRY_RUN = "dryrun"
LOCAL_EXECUTORS = ("local", DRY_RUN, "touch")


def is_read_only(arguments: Sequence[str]) -> bool:
    """Whether a command runs no job: a dry run, a summary, a list, a graph, a report.

    ``arguments`` do not include the name of the program.
    """
    return any(map(READ_ONLY.fullmatch, arguments)) or _executor(arguments) == DRY_RUN


def is_submitted(arguments: Sequence[str]) -> bool:
    """Whether jobs are submitted to other machines.

    ``arguments`` do not include the name of the program.
    """
    return _executor(arguments) not in (None, *LOCAL_EXECUTORS)


def _executor(arguments: Sequence[str]) -> str | None:
    """The executor named by a command, its profile or ``SNAKEMAKE_PROFILE``, as read by Snakemake's own parser.

    The workflow profile is not read, because its content depends on the result.
    """
    if not any(map(NAMES_EXECUTOR.match, arguments)) and not os.environ.get("SNAKEMAKE_PROFILE"):
        return None
    from snakemake.cli import get_argument_parser  # the import takes a second

    options = get_argument_parser().parse_args(arguments)
    if options.profile and options.profile != ["none"]:
        options = get_argument_parser(options.profile).parse_args(arguments)
    executor: str | None = options.executor
    return executor
