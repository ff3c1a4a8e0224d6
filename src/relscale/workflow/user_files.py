"""The user's files as inputs and parameters of the workflow's rules."""

import re
from collections.abc import Iterable
from pathlib import Path

from relscale.provenance import file_digest, files_state

SPECIAL = re.compile(r"[{}<>\n]|^\w+:")  # paths with a special meaning to Snakemake or its report
COMPARED_BYTES = 100_000  # of a file whose content, not its time, shows whether it changed; as in Snakemake


def as_inputs(paths: Iterable[str | Path]) -> list[str]:
    """The user's files as inputs, except those whose names have a special meaning to Snakemake."""
    return [path for path in map(str, paths) if not SPECIAL.search(path)]


def file_states(paths: Iterable[str | Path]) -> list[str | None]:
    """The state of the user's files, as a parameter: Snakemake does not notice a file that is replaced by an older one.

    Small files are known by their content, as to Snakemake, so that one that is only touched changes nothing.
    """
    return [
        file_digest(path) if path.is_file() and path.stat().st_size < COMPARED_BYTES else files_state(path)
        for path in map(Path, paths)
    ]
