"""The config's sections ``corpora`` and ``vocabulary``: training text and tokenizer."""

import re
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from relscale.experiments.section import (
    Fraction,
    Name,
    PathOrHubName,
    Positive,
    PositiveInt,
    Revision,
    Section,
    SomeNames,
)
from relscale.tokens.interleave import integer_shares


class Decontaminate(Section):
    """Removal of training documents that share an n-gram with a suite's items (prompt and answers)."""

    suites: SomeNames = Field(description="The suites.")
    ngram: PositiveInt = Field(
        default=13, description="Length of the n-grams, in words; shorter items are ignored."
    )


class Prune(Section):
    """Data pruning: keep a share of the training documents by a score; held-out text is not pruned."""

    score: Literal["loss", "length", "duplicates", "random"] = Field(
        description="Difficulty score of a document: its bits per byte under the reference model (loss), its length, "
        "or the share of its 8-grams that no other document has; random draws documents."
    )
    keep: Fraction = Field(description="Share of the training text that is kept, in bytes.")
    side: Literal["hard", "easy", "middle"] = Field(
        default="hard", description="Which documents are kept: those with high, low or middle scores."
    )
    reference: str | None = Field(
        default=None,
        description="Required by the score loss: corpus whose first run of the plan scores the documents.",
    )

    @model_validator(mode="after")
    def _reference_of_loss(self) -> Self:
        if (self.score == "loss") != (self.reference is not None):
            needed = "the score loss needs a corpus as reference"
            raise ValueError(needed if self.reference is None else "only the score loss has a reference")
        return self


UniqueTokens = Annotated[
    Positive | None,
    Field(
        description="Number of training tokens used, the first in document order; a longer run repeats them, "
        "up to training.max_epochs times. All by default.",
    ),
]


class MixturePart(Section):
    """A source, or a part of one, in a mixture."""

    source: str = Field(description="A key of the section sources.")
    part: str | None = Field(
        default=None, description="A part of the source, such as docstrings; all by default."
    )
    unique_tokens: UniqueTokens = None
    name: Name | None = Field(
        default=None,
        description="Name in the column share_<name> of the measurements; by default the names of the "
        "source and the part.",
    )

    @property
    def label(self) -> str:
        """Name of the part as used in column names."""
        return re.sub(r"\W+", "_", self.name or "_".join(filter(None, (self.source, self.part))))


class Part(MixturePart):
    """A part of a corpus: a source, or a part of one, and its weight."""

    weight: Positive = Field(
        description="The weight over the sum of the weights is the share of a run's tokens."
    )


class Corpus(Section):
    """A corpus that models are trained on: a source, a part of one, or a mixture."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["source"]}, {"required": ["parts"]}]}
    )

    source: str | None = Field(default=None, description="A key of the section sources.")
    part: str | None = Field(
        default=None,
        description="A part of a source that has several, such as docstrings and code; all by default.",
    )
    parts: Annotated[tuple[Part, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="A mixture. A part's weight over the sum of the weights is its share of a run's "
        "tokens, rounded to a millionth; the first steps of a run have these shares to within"
        " a few sequences. A part with less text is repeated more often.",
    )
    unique_tokens: UniqueTokens = None
    tokens: Positive | None = Field(
        default=None,
        description="Number of training tokens prepared from sources on the hub; by default that of the "
        "largest run of the plan. Set it if larger budgets will follow, because more text is a different corpus "
        "for every run.",
    )
    decontaminate: Decontaminate | None = None
    prune: Prune | None = None

    @model_validator(mode="after")
    def _one_of_source_and_parts(self) -> Self:
        if (self.source is None) == (self.parts is None):
            raise ValueError("give one of source, parts")
        if self.parts and self.unique_tokens is not None:
            raise ValueError("unique_tokens of a mixture belongs to each of its parts")
        return self

    @property
    def mixture(self) -> tuple[Part, ...]:
        """The parts with their weights; a single one unless the corpus is a mixture."""
        single = Part(source=self.source or "", part=self.part, unique_tokens=self.unique_tokens, weight=1)
        return self.parts or (single,)

    @property
    def shares(self) -> dict[str, float]:
        """The share of each part in the training tokens, by its label."""
        units = integer_shares([part.weight for part in self.mixture])
        shares: dict[str, float] = {}
        for part, part_units in zip(self.mixture, units, strict=True):
            shares[part.label] = shares.get(part.label, 0.0) + part_units / sum(units)
        return shares


class Vocabulary(Section):
    """One vocabulary for all corpora, trained on their text or taken from an existing tokenizer.

    The end-of-text token of an existing tokenizer ends a document.
    """

    model_config = ConfigDict(
        json_schema_extra={"dependentRequired": {"tokenizer": ["size"], "revision": ["tokenizer"]}}
    )

    size: int = Field(
        default=2048,
        ge=257,
        description="Number of tokens, special tokens included; the size of an existing tokenizer is "
        "checked when it is read.",
    )
    sample_bytes: Positive = Field(
        default=16e6,
        description="Amount of text to train the vocabulary on, in bytes, in equal parts from the corpora.",
    )
    tokenizer: PathOrHubName | None = Field(
        default=None,
        description="An existing Hugging Face tokenizer, a folder or a name on the hub; it must be "
        "byte-level.",
    )
    revision: Revision | None = None

    @model_validator(mode="after")
    def _tokenizer_has_size(self) -> Self:
        for key, needed in (("tokenizer", "size"), ("revision", "tokenizer")):
            if key in self.model_fields_set and needed not in self.model_fields_set:
                raise ValueError(f"{needed} is missing, which {key} needs")
        return self


Corpora = Annotated[dict[Name, Corpus], Field(min_length=1)]
