"""Options of a Snakemake command line that have to be known before Snakemake has applied them."""

import os
import re
from collections.abc import Iterable, Sequence

# Commands that only look at results, or at what Snakemake keeps of them.
READ_ONLY = re.compile(
    r"-[pqkreF]*n[pqkreF0-9]*|-[lDS]|--(dry-?run|lint|list.*|(detailed-)?summary|dag|rulegraph|filegraph|d3dag|report"
    r"|archive|unlock|cleanup-metadata|print-compilation)(=.*)?"
)
MAY_SUBMIT = re.compile(r"--[pe]|-[a-zA-Z]*e")  # how --profile and --executor begin, also if shortened
LOCAL_EXECUTORS = ("local", "dryrun", "touch")


def is_read_only(arguments: Iterable[str]) -> bool:
    """Whether the command runs no job: a dry run, a summary, a list, a graph, a report."""
    return any(READ_ONLY.fullmatch(argument) for argument in arguments)


def is_submitted(arguments: Sequence[str]) -> bool:
    """Whether jobs are submitted to other machines: the command, or its profile, names an executor that is not local.

    Snakemake's own parser reads the arguments, without the program's name, and the environment's ``SNAKEMAKE_PROFILE``.
    The workflow's profile is not read, since its text depends on the answer.
    """
    if not any(map(MAY_SUBMIT.match, arguments)) and not os.environ.get("SNAKEMAKE_PROFILE"):
        return False
    from snakemake.cli import get_argument_parser  # takes a second to import

    options = get_argument_parser().parse_args(arguments)
    if options.profile and options.profile != ["none"]:
        options = get_argument_parser(options.profile).parse_args(arguments)
    return options.executor not in (None, *LOCAL_EXECUTORS)
