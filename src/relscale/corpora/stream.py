"""A source that is streamed: its files in their order, and how their texts are chosen and split."""

from dataclasses import dataclass

from relscale.corpora.hub import TextFile
from relscale.corpora.split import split_of


@dataclass(frozen=True)
class Stream:
    """A source's files in their order, and how their texts are chosen and split.

    Attributes
    ----------
    text, group
        Columns.
    min_characters
        Shorter texts are left out.
    validation, test
        Shares of the texts that are held out.
    seed
        Of what is held out.
    """

    files: tuple[TextFile, ...]
    text: str
    group: str | None
    min_characters: int
    validation: float
    test: float
    seed: int

    def split(self, text: str) -> str:
        """The split of a text; it depends on the text and the seed alone, so that copies are held out together."""
        return split_of(text, self.seed, self.validation, self.test)
