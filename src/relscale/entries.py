"""Manifests of jobs: lists of what a job made and where it lies, each entry with a digest of itself."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from relscale.atomic import write_text
from relscale.errors import Damaged
from relscale.provenance import digest

DIGEST = "digest"


def write_entries(path: str | Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write a manifest in one step."""
    listed = [{**entry, DIGEST: digest(entry)} for entry in entries]
    write_text(path, json.dumps(listed, indent=1) + "\n")


def read_entries(path: str | Path) -> list[dict[str, Any]]:
    """The entries of a manifest, without their digests; one that was written by hand needs none.

    Raises
    ------
    OSError
        There is no such file.
    Damaged
        It is no list of entries, or one is not what was written.
    """
    try:
        entries = [dict(entry) for entry in json.loads(Path(path).read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise Damaged(Path(path), "not a list of entries") from error
    by_hand = not any(DIGEST in entry for entry in entries)
    for number, entry in enumerate(entries, start=1):
        if not by_hand and entry.pop(DIGEST, None) != digest(entry):
            raise Damaged(Path(path), f"entry {number} is not what was written")
    return entries
