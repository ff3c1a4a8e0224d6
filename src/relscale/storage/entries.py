"""Manifests of jobs: lists of a job's results and their paths, each entry with a digest of itself."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import ConfigDict, ValidationError

from relscale.errors import Damaged, RelscaleError
from relscale.provenance import digest
from relscale.storage.atomic import write_text
from relscale.storage.record import Record, reason

CHANGES_NO_NUMBER = "lists the results of a job and their paths"

DIGEST = "digest"


class Entry(Record):
    """Base of all entries; undeclared keys are ignored, because a manifest may be written by hand.

    Attributes
    ----------
    first
        What to do if there is no manifest of such entries.
    """

    model_config = ConfigDict(extra="ignore")
    first: ClassVar[str] = "run the stage that writes it"


E = TypeVar("E", bound=Entry)


def write_entries(path: str | Path, entries: Sequence[Entry]) -> None:
    """Write a manifest atomically."""
    values = [entry.model_dump(mode="json") for entry in entries]
    listed = [{**entry, DIGEST: digest(entry)} for entry in values]
    write_text(path, json.dumps(listed, indent=1) + "\n")


def read_entries(path: str | Path, kind: type[E]) -> list[E]:
    """The entries of a manifest; digests are optional, for manifests written by hand.

    Raises
    ------
    RelscaleError
        There is no such file.
    Damaged
        It is not a list of entries of this type, or an entry does not match its digest.
    """
    try:
        entries = [dict(entry) for entry in json.loads(Path(path).read_text(encoding="utf-8"))]
    except FileNotFoundError:
        raise RelscaleError(f"{path}: no such file; {kind.first}") from None
    except (ValueError, TypeError) as error:
        raise Damaged(Path(path), "not a list of entries") from error
    by_hand = not any(DIGEST in entry for entry in entries)
    read = []
    for number, entry in enumerate(entries, start=1):
        if not by_hand and entry.pop(DIGEST, None) != digest(entry):
            raise Damaged(Path(path), f"entry {number} differs from what was written")
        try:
            read.append(kind.model_validate(entry))
        except ValidationError as error:
            raise Damaged(Path(path), f"entry {number}: {reason(error)}") from error
    return read


def read_all(paths: Iterable[str | Path], kind: type[E]) -> list[E]:
    """The entries of several manifests, in order; raises the errors of ``read_entries``."""
    return [entry for path in paths for entry in read_entries(path, kind)]
