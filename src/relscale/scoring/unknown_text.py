"""Text that a vocabulary lacks.

A byte-level vocabulary has a token for every text. Others read a character that they lack as one token for all unknown
text, or skip it: a model then predicts the token, which is easy, and not the text. Bits per byte of a language that a
vocabulary lacks would be far too low.
"""

import unicodedata
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

RARE = "𒈙𓂀"  # letters of cuneiform and of hieroglyphs, which only vocabularies of bytes tell apart
TOLERATED = 0.01  # share of a text's characters that may be unknown
MARKS = (
    "C",
    "M",
    "Z",
)  # categories of control characters, accents and spaces, which normalization may drop or join


class UnknownText:
    """The characters of texts that a tokenizer's vocabulary lacks."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase"):
        self._tokenizer = tokenizer
        first, second = (tokenizer.encode(letter, add_special_tokens=False) for letter in RARE)
        self._is_complete = first != second
        self._token = first[-1] if first else None

    def is_in(self, text: str, start: int = 0) -> bool:
        """Whether more than `TOLERATED` of the characters of ``text`` from ``start`` on are unknown."""
        if self._is_complete:
            return False
        return self.count(text, start) > TOLERATED * (len(text) - start)

    def count(self, text: str, start: int = 0) -> int:
        """Number of unknown characters of ``text`` from ``start`` on."""
        if self._is_complete:
            return 0
        if not self._tokenizer.is_fast:  # no offsets: each token stands for at least one character
            tokens = self._tokenizer.encode(text[start:], add_special_tokens=False)
            return sum(token == self._token for token in tokens)
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        spans = list(zip(encoded["input_ids"], encoded["offset_mapping"], strict=True))
        unknown = np.ones(len(text), bool)  # also of characters without a token
        for _, (first, end) in spans:
            unknown[first:end] = False
        for token, (first, end) in spans:  # the span of a word's first space is that of its first letter
            if token == self._token and text[first:end] != self._tokenizer.decode([token]):
                unknown[first:end] = True
        return sum(
            unicodedata.category(text[place])[0] not in MARKS
            for place in np.flatnonzero(unknown[start:]) + start
        )
