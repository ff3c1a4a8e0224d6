"""Manifests of jobs: lists of what a job made and where it is, each entry with a digest of itself."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ConfigDict, ValidationError

from relscale.errors import Damaged
from relscale.provenance import digest
from relscale.storage.atomic import write_text
from relscale.storage.record import Record, reason

CHANGES_NO_NUMBER = "lists what a job made and where it is"

DIGEST = "digest"


class Entry(Record):
    """The base of all entries; keys that it does not declare are read over, since a list may be written by hand."""

    model_config = ConfigDict(extra="ignore")


E = TypeVar("E", bound=Entry)


def write_entries(path: str | Path, entries: Sequence[Entry]) -> None:
    """Write a manifest in one step."""
    values = [entry.model_dump(mode="json") for entry in entries]
    listed = [{**entry, DIGEST: digest(entry)} for entry in values]
    write_text(path, json.dumps(listed, indent=1) + "\n")


def read_entries(path: str | Path, kind: type[E]) -> list[E]:
    """The entries of a manifest; one that was written by hand needs no digests.

    Raises
    ------
    OSError
        There is no such file.
    Damaged
        It is no list of entries of that kind, or one is not what was written.
    """
    try:
        entries = [dict(entry) for entry in json.loads(Path(path).read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise Damaged(Path(path), "not a list of entries") from error
    by_hand = not any(DIGEST in entry for entry in entries)
    read = []
    for number, entry in enumerate(entries, start=1):
        if not by_hand and entry.pop(DIGEST, None) != digest(entry):
            raise Damaged(Path(path), f"entry {number} is not what was written")
        try:
            read.append(kind.model_validate(entry))
        except ValidationError as error:
            raise Damaged(Path(path), f"entry {number}: {reason(error)}") from error
    return read
