"""A streamed source: its files in order, and the rules by which their texts are filtered and split."""

from dataclasses import dataclass

from relscale.corpora.hub import TextFile
from relscale.corpora.split import split_of


@dataclass(frozen=True)
class Stream:
    """Files of a source in order, and the rules by which their texts are filtered and split.

    Attributes
    ----------
    text, group
        Columns.
    min_characters
        Minimum length of a text, in characters.
    validation, test
        Held-out shares of the texts.
    seed
        Random seed of the split.
    """

    files: tuple[TextFile, ...]
    text: str
    group: str | None
    min_characters: int
    validation: float
    test: float
    seed: int

    def split(self, text: str) -> str:
        """The split of a text; it depends only on the text and the seed, so that copies are in the same split."""
        return split_of(text, self.seed, self.validation, self.test)
