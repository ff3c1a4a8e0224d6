"""Common parts of starter configs: the schema line for editors, names, paths."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from relscale.errors import RelscaleError
from relscale.package_files import FILES

SCHEMA = FILES / "workflow" / "schemas" / "config.schema.json"
PLAIN = re.compile(r"[A-Za-z][\w.-]*")
WORDS = {"true", "false", "yes", "no", "on", "off", "null"}  # special words of YAML, which must be quoted


def schema_line(folder: Path) -> str:
    """The comment with which an editor completes and validates a config in ``folder``."""
    return f"# yaml-language-server: $schema={relative(SCHEMA, folder)}"


def quoted(text: str) -> str:
    """A text in YAML, in double quotes unless it is unambiguous without."""
    return (
        text if PLAIN.fullmatch(text) and text.lower() not in WORDS else json.dumps(text, ensure_ascii=False)
    )


def relative(path: Path, folder: Path) -> str:
    """A path for a config in ``folder``: relative if it is below the folder, else absolute."""
    full, root = os.path.abspath(path), os.path.abspath(folder)
    return os.path.relpath(full, root) if full.startswith(root + os.sep) else full


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """A name for each path: its last part, preceded by its parent's name if several have the same last part.

    Raises
    ------
    RelscaleError
        A path is given twice.
    """
    full = [Path(os.path.abspath(path)) for path in paths]
    for number, path in enumerate(full):
        if path in full[:number]:
            raise RelscaleError(f"{paths[number]}: given twice; name each path once")
    stems = [path.stem if path.is_file() else path.name for path in full]
    return [
        stem if stems.count(stem) == 1 else f"{path.parent.name}-{stem}"
        for stem, path in zip(stems, full, strict=True)
    ]
