"""Training and validation data of the runs of a corpus."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from relscale.design.run import Run
from relscale.errors import Damaged, RelscaleError
from relscale.storage.checksums import set_aside
from relscale.tokens.store import TokenStore
from relscale.training.key import tokens_digest
from relscale.training.vocabulary import Vocabulary, read_vocabulary


@dataclass(frozen=True)
class TrainingData:
    """The folders of a token store and of its tokenizer."""

    tokens: Path
    vocabulary: Path

    @cached_property
    def digest(self) -> str:
        """Digest of the tokens and the vocabulary."""
        return tokens_digest(self.tokens)

    def store(self) -> TokenStore:
        """The token store."""
        return TokenStore.open(self.tokens)

    def vocabulary_of(self, run: Run) -> Vocabulary:
        """The vocabulary.

        Raises
        ------
        RelscaleError
            The size differs from the run's.
        """
        vocabulary = read_vocabulary(self.vocabulary)
        if len(vocabulary.bytes) != run.architecture.vocabulary_size:
            raise RelscaleError(
                f"{self.vocabulary}: {len(vocabulary.bytes)} tokens, but {run.name} has a vocabulary of "
                f"{run.architecture.vocabulary_size}"
            )
        return vocabulary

    def validation_tokens(self, count: int) -> np.ndarray:
        """The first tokens of the validation split, at most ``count``.

        Raises
        ------
        RelscaleError
            There is no text.
        """
        tokens = self.store().tokens("validation")[:count]
        if len(tokens) < 2:
            raise RelscaleError(f"{self.tokens}: the validation split has no text; raise its share")
        return tokens

    def check(self) -> None:
        """Compare the tokens with their digests; a damaged store is set aside.

        Raises
        ------
        Damaged
            A file differs from its digest.
        """
        try:
            self.store().check()
        except Damaged as error:
            remedy = f"moved to {set_aside(error.path.parent)}: the same snakemake command builds it again"
            raise Damaged(error.path, error.reason, remedy) from None
