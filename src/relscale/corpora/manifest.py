"""The manifest of a source of text."""

from pydantic import JsonValue

from relscale.corpora.stream import Stream
from relscale.storage.record import Record

MANIFEST_FILE = "manifest.json"


class PartCounts(Record):
    """Documents of a part, split and group, and their bytes."""

    part: str
    split: str
    group: str
    documents: int
    bytes: int


class DuplicatesRemoved(Record):
    """Number of documents removed as duplicates: exact, near, and held-out documents that occur in the training
    text."""

    exact: int
    near: int
    held_out_seen_in_train: int


class SourceManifest(Record):
    """A source of text.

    Attributes
    ----------
    kind, settings
        Kind of the source, and its entry in the config.
    seed
        Random seed of its splits and samples.
    versions
        Versions of the packages that were read.
    files, files_that_do_not_parse
        Number of files read, and names of those that could not be parsed.
    found, left_out_by_max_bytes, duplicates_removed
        Number of documents in the source, and of those that were excluded.
    revision, stream, read_for_tests
        Streamed sources only: commit, files, and amount of text read for the held-out documents.
    documents, counts
        Number of documents kept, in all and by part, split and group.
    sha256
        Digest of the table of documents.
    """

    kind: str
    settings: dict[str, JsonValue]
    seed: int
    versions: dict[str, str] | None = None
    files: int | None = None
    files_that_do_not_parse: tuple[str, ...] | None = None
    found: int | None = None
    left_out_by_max_bytes: int | None = None
    duplicates_removed: DuplicatesRemoved | None = None
    revision: str | None = None
    stream: Stream | None = None
    read_for_tests: dict[str, int] | None = None
    documents: int
    counts: tuple[PartCounts, ...] | None = None
    sha256: str
