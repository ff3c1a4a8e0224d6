"""Manifests of token stores and their shards."""

from collections.abc import Mapping

from pydantic import Field

from relscale.storage.record import Record

STORE_FILE = "manifest.json"
SHARD_FILE = "shard.json"


class Counts(Record):
    """Number of documents, their bytes in UTF-8, and their tokens, including end-of-text tokens."""

    documents: int
    bytes: int
    tokens: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            documents=self.documents + other.documents,
            bytes=self.bytes + other.bytes,
            tokens=self.tokens + other.tokens,
        )


NOTHING = Counts(documents=0, bytes=0, tokens=0)


class GroupShare(Record):
    """A group's share of the training tokens; for a mixture, of the tokens that training draws."""

    share: float


class GroupCounts(Counts):
    """A group's training text, and its share of the training tokens."""

    share: float


class Shard(Record):
    """A shard: part of the text of one file of a streamed source.

    Attributes
    ----------
    file
        Name of the file in the source.
    last
        Whether the file has no more text.
    next_row
        Row of the file at which the next shard begins.
    splits, groups
        Counts of all text by split, and of the training text by group.
    left_out
        Number of excluded documents, by reason.
    sha256
        Digest of the tokens of each split.
    """

    file: str
    last: bool
    next_row: int
    splits: dict[str, Counts]
    groups: dict[str, Counts]
    left_out: dict[str, int]
    sha256: dict[str, str]


class StorePart(Record):
    """A part of a mixture, or a streamed corpus.

    Attributes
    ----------
    units
        Share of the mixture, as an integer (`relscale.tokens.interleave.integer_shares`).
    shards
        Folders of the shards.
    sha256
        Digest of the training tokens of all shards.
    validation_tokens
        Number of its tokens in the validation text of the corpus.
    unique_tokens
        Number of training tokens used, the first of the part; None for all.
    """

    name: str
    units: int
    shards: tuple[str, ...]
    splits: dict[str, Counts]
    groups: dict[str, GroupCounts]
    left_out: dict[str, int]
    sha256: str
    validation_tokens: int = 0
    unique_tokens: int | None = None


class StoreManifest(Record):
    """A tokenized corpus.

    Attributes
    ----------
    vocabulary_size
        Number of tokens in the vocabulary.
    end_of_text
        Id of the end-of-text token.
    dtype
        NumPy dtype of the stored tokens.
    part
        Part of the documents of a store in one piece; None for all.
    seed
        Random seed of the document order.
    parts
        The parts of a mixture or of a streamed corpus; empty for a store in one piece.
    splits
        All text by split.
    left_out
        Number of excluded documents, by reason.
    groups
        By name: share of the training tokens and, for a store in one piece, counts of the training text.
    vocabulary
        Digest of the tokenizer.
    sha256
        Digest of the tokens of each split.
    """

    vocabulary_size: int
    end_of_text: int
    dtype: str
    part: str | None = None
    seed: int
    parts: tuple[StorePart, ...] = ()
    splits: dict[str, Counts]
    left_out: dict[str, int] = Field(default_factory=dict)
    groups: Mapping[str, GroupCounts | GroupShare]
    vocabulary: str
    sha256: dict[str, str]
