"""Text that a vocabulary lacks.

A byte-level vocabulary has a token for every text. Others read a character that they lack as one token for all unknown
text, or skip it: a model then predicts the token, which is easy, and not the text. Bits per byte of a language that a
vocabulary lacks would be far too low.
"""

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

RARE = "𒈙𓂀"  # letters of cuneiform and of hieroglyphs, which only vocabularies of bytes tell apart
# Categories of control characters, accents and spaces, which normalization may drop or join.
MARKS = ("C", "M", "Z")


class UnknownText:
    """The characters of texts that a tokenizer's vocabulary lacks."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase"):
        self._tokenizer = tokenizer
        first, second = (tokenizer.encode(letter, add_special_tokens=False) for letter in RARE)
        self._is_complete = first != second
        self._token = first[-1] if first else None
        self._name = "" if self._token is None else str(tokenizer.decode([self._token])).strip()

    def bytes_in(self, text: str, start: int = 0) -> int:
        """UTF-8 bytes of the unknown characters of ``text`` from ``start`` on."""
        if self._is_complete:
            return 0
        return len(self._characters(text, start).encode())

    def _characters(self, text: str, start: int) -> str:
        if not self._tokenizer.is_fast:
            return self._missing(text[start:])
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        spans = list(zip(encoded["input_ids"], encoded["offset_mapping"], strict=True))
        unknown = np.ones(len(text), bool)  # also of characters without a token
        for _, (first, end) in spans:
            unknown[first:end] = False
        for token, (first, end) in spans:  # the span of a word's first space is that of its first letter
            if token == self._token and text[first:end].strip() != self._name:
                unknown[first:end] = True
        return "".join(
            text[place] for place in np.flatnonzero(unknown[start:]) + start if _counts(text[place])
        )

    def _missing(self, text: str) -> str:
        """The letters of ``text`` that its known tokens do not spell, by their number: there are no offsets."""
        tokens = self._tokenizer.encode(text, add_special_tokens=False)
        if self._name:
            text = text.replace(self._name, "")
        spelled = str(self._tokenizer.decode([token for token in tokens if token != self._token]))
        return "".join((_letters(text) - _letters(spelled)).elements())


def _letters(text: str) -> Counter[str]:
    """Number of each letter, whichever form a tokenizer's normalization gives it."""
    return Counter(filter(_counts, unicodedata.normalize("NFKD", text).casefold()))


def _counts(character: str) -> bool:
    return unicodedata.category(character)[0] not in MARKS
