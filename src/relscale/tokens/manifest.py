"""What a token store, and a shard of one, records of itself."""

from collections.abc import Mapping

from pydantic import Field

from relscale.record import Record

STORE_FILE = "manifest.json"
SHARD_FILE = "shard.json"


class Counts(Record):
    """How much text there is: documents, their bytes in UTF-8, and their tokens, end-of-text tokens included."""

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
        Its name in the source.
    last
        Whether the file has no more text.
    next_row
        The row of the file that the next shard begins with.
    splits, groups
        All text by split, and the training text by group.
    left_out
        Documents that are in no split, by reason.
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
        Its share of the mixture, in whole numbers (`relscale.tokens.interleave.integer_shares`).
    shards
        The folders of its tokens.
    sha256
        Digest of the training tokens of all shards.
    validation_tokens
        Its tokens in the validation text of the corpus.
    unique_tokens
        The training tokens that are read, the first of all; None stands for all.
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
    """A corpus in tokens.

    Attributes
    ----------
    vocabulary_size
        Tokens of the vocabulary.
    end_of_text
        The id of the token that ends a document.
    dtype
        NumPy's name of the type that a token is stored in.
    part
        The part of the documents that a store in one piece holds; None stands for all.
    seed
        Of the order of the documents.
    parts
        The parts of a mixture or of a streamed corpus; empty for a store in one piece.
    splits
        All text by split.
    left_out
        Documents that are in no split, by reason.
    groups
        By name: their share of the training tokens and, for a store in one piece, their training text.
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
