"""The config's section ``sources``: where text comes from."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from relscale.experiments.section import (
    Count,
    FilledPath,
    Name,
    PathOrHubName,
    PathText,
    Positive,
    PositiveInt,
    Revision,
    Section,
    Share,
)


class NearDuplicates(Section):
    """Removal of documents that repeat most of an earlier document."""

    ngram: PositiveInt = Field(default=8, description="Length of the compared n-grams, in words.")
    max_overlap: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="A document is removed if a larger share of its n-grams occurs in an earlier document.",
    )


class Split(Section):
    """Held-out shares of the documents."""

    validation: Share = Field(default=0.04, description="Share of the documents for validation.")
    test: Share = Field(default=0.1, description="Share of the documents for tests.")


class HeldOut(Section):
    """Held-out shares of a streamed data set's documents, assigned by a hash of the text, so that copies are in the
    same split."""

    validation: Share = Field(default=0.002, description="Share of the documents for validation.")
    test: Share = Field(default=0.01, description="Share of the documents for tests.")


class InstalledPackages(Section):
    """The documentation and source code of installed Python packages."""

    kind: Literal["installed"]
    groups: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(
        min_length=1, description="Domains, each a list of packages (import names)."
    )
    paths: tuple[PathText, ...] | None = Field(
        default=None, description="Folders to search; by default those of the running Python."
    )
    min_characters: Count = Field(default=200, description="Minimum length of a document, in characters.")
    max_bytes: dict[str, Positive] = Field(
        default={},
        description="Maximum training text of a part, in bytes; whole modules are sampled by a stable hash.",
    )
    near_duplicates: NearDuplicates = NearDuplicates()
    split: Split = Split()


class TextFiles(Section):
    """A folder of text files, or a table with a column of text."""

    kind: Literal["files"]
    path: FilledPath = Field(description="The folder or table.")
    domain: Name | None = Field(
        default=None,
        description="The domain of all its documents; by default a file's first folder below path, or the"
        " name of the source for files directly in path.",
    )
    text: str = Field(default="text", description="The column of a table that contains the text.")
    group: str | None = Field(
        default=None, description="The column of a table that names a document's domain."
    )
    min_characters: Count = Field(default=1, description="Minimum length of a document, in characters.")
    max_characters: PositiveInt | None = Field(
        default=None,
        description="Longer texts are split after a paragraph, a line or a word into documents of at most"
        " this many characters, which are assigned to splits individually; for a few long texts, such as "
        "books.",
    )
    near_duplicates: NearDuplicates = NearDuplicates()
    split: Split = Split()


class HubDataset(Section):
    """A data set on the Hugging Face hub, or a local folder of parquet and jsonl (.gz, .zst) files in the hub's layout.

    It is streamed: files are read and tokenized one by one, only as far as the runs need, and the text is not stored.
    """

    kind: Literal["hub"]
    path: PathOrHubName = Field(
        description="Name on the hub, such as HuggingFaceFW/fineweb-edu, or a folder."
    )
    name: str | None = Field(
        default=None, description="The configuration (subset), if the data set has more than one."
    )
    split: str = Field(
        default="train", description="The split of the data set; held-out documents are taken from it too."
    )
    revision: Revision | None = None
    data_files: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Patterns of the files to read, within the data set; all of the split by default.",
    )
    text: str = Field(default="text", description="The column that contains the text.")
    group: str | None = Field(
        default=None,
        description="The column that names a document's domain; without it all documents are in one domain.",
    )
    min_characters: Count = Field(default=1, description="Minimum length of a document, in characters.")
    held_out: HeldOut = HeldOut()
    test_documents: Count = Field(
        default=1000,
        description="Number of held-out documents stored as text, for suites built from documents; "
        "fewer if the first 268 million characters contain fewer.",
    )


Source = Annotated[InstalledPackages | TextFiles | HubDataset, Field(discriminator="kind")]
SOURCE: TypeAdapter[Source] = TypeAdapter(Source)
"""Parses the options of a source by its kind."""
