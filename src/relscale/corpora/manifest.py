"""What a source of text records of itself, beside its documents."""

from pydantic import JsonValue

from relscale.corpora.stream import Stream
from relscale.record import Record

MANIFEST_FILE = "manifest.json"


class PartCounts(Record):
    """Documents of a part, split and group, and their bytes."""

    part: str
    split: str
    group: str
    documents: int
    bytes: int


class DuplicatesRemoved(Record):
    """Documents that are left out as copies: exact, near, and those of the training text that are held out."""

    exact: int
    near: int
    held_out_seen_in_train: int


class SourceManifest(Record):
    """A source of text.

    Attributes
    ----------
    kind, settings
        Its kind, and its entry in the config.
    seed
        Of its splits and samples.
    versions
        Of the packages that were read.
    files, files_that_do_not_parse
        How many files were read, and the names of those that were not.
    found, left_out_by_max_bytes, duplicates_removed
        Documents that there were, and those that are left out.
    revision, stream, read_for_tests
        Of a streamed source: its commit, its files, and how much was read for the documents that are held out.
    documents, counts
        The documents that are kept.
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
