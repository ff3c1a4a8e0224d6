"""Options of a Snakemake command line that have to be known before Snakemake has applied them."""

import os
import re
from collections.abc import Iterable

# Commands that only look at results, or at what Snakemake keeps of them.
READ_ONLY = re.compile(
    r"-[pqkreF]*n[pqkreF0-9]*|-[lDS]|--(dry-?run|lint|list.*|(detailed-)?summary|dag|rulegraph|filegraph|d3dag|report"
    r"|archive|unlock|cleanup-metadata|print-compilation)(=.*)?"
)


def is_read_only(arguments: Iterable[str]) -> bool:
    """Whether the command runs no job: a dry run, a summary, a list, a graph, a report."""
    return any(READ_ONLY.fullmatch(argument) for argument in arguments)


def is_submitted(arguments: Iterable[str]) -> bool:
    """Whether jobs are submitted to other machines: an executor is named, or a profile, which names one."""
    named = any(argument.startswith(("--prof", "--exec", "-e")) for argument in arguments)
    return named or bool(os.environ.get("SNAKEMAKE_PROFILE"))
