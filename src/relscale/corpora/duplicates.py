"""Exact and near duplicates: texts that share most of their word 8-grams.

The measure is the share of a document's n-grams that occur in earlier documents, as in the decontamination of language
models' training sets (Brown et al. 2020, arXiv 2005.14165, appendix C; Lee et al. 2022, arXiv 2107.06499).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

CHUNK_BYTES = 1 << 20  # hashed at a time; small enough for the processor's cache
BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse modulo 2^64
BASE_INVERSE = np.uint64(pow(int(BASE), -1, 2**64))

# A word is a run of letters, digits and underscores; bytes beyond ASCII count as letters. Case is folded within ASCII.
LETTERS = np.zeros(256, dtype=np.uint64)
for _byte in range(256):
    if _byte >= 128 or chr(_byte).isalnum() or chr(_byte) == "_":
        LETTERS[_byte] = ord(chr(_byte).lower()) if _byte < 128 else _byte


@dataclass(frozen=True)
class Deduplicated:
    """Positions of the remaining documents, ascending, and the number of removed documents by reason.

    ``exposed`` counts held-out documents that occur in the training text.
    """

    positions: list[int]
    exact: int
    near: int
    exposed: int


def remove_duplicates(
    texts: Sequence[str], held_out: Sequence[bool], ngram: int, max_overlap: float
) -> Deduplicated:
    """Drop exact and near duplicates, so that no held-out text is in the training data.

    1. A text is dropped if it equals an earlier one, or if a share of at least ``max_overlap`` of its word n-grams
       occurs in the texts kept before it. Held-out texts come first, then the others, each in the given order, so that
       of a training text and a held-out text that overlap the training text is dropped.
    2. A held-out text is dropped if that share of its n-grams still occurs in the training texts: a long training text
       may quote a short held-out text and otherwise be original.

    The operation is idempotent.

    Parameters
    ----------
    texts
        In the order of precedence.
    held_out
        Whether each text is in the validation or test split.
    ngram
        Words in an n-gram. A text of fewer words is a single n-gram.
    max_overlap
        Share in (0, 1].
    """
    order = np.argsort(~np.asarray(held_out, dtype=bool), kind="stable").tolist()
    grams, offsets = ngrams(texts, ngram)
    # Hashes become consecutive numbers, which index arrays of one entry per n-gram.
    distinct, numbers = np.unique(grams, return_inverse=True)
    seen_ngrams = np.zeros(len(distinct), dtype=bool)
    in_training = np.zeros(len(distinct), dtype=bool)

    def overlaps(position: int, marked: NDArray[np.bool_]) -> bool:
        grams_of_text = numbers[offsets[position] : offsets[position + 1]]
        return len(grams_of_text) > 0 and int(np.count_nonzero(marked[grams_of_text])) >= max_overlap * len(
            grams_of_text
        )

    exact_texts: set[str] = set()
    unique: list[int] = []
    exact = near = 0
    for position in order:
        if texts[position] in exact_texts:
            exact += 1
        elif overlaps(position, seen_ngrams):
            near += 1
        else:
            exact_texts.add(texts[position])
            unique.append(position)
            grams_of_text = numbers[offsets[position] : offsets[position + 1]]
            seen_ngrams[grams_of_text] = True
            if not held_out[position]:
                in_training[grams_of_text] = True
    positions = sorted(
        position for position in unique if not (held_out[position] and overlaps(position, in_training))
    )
    return Deduplicated(positions, exact, near, len(unique) - len(positions))


def ngrams(texts: Sequence[str], size: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hashes of the word n-grams of all texts, one after another.

    Returns
    -------
    grams
        uint64, all texts' n-grams in order.
    offsets
        ``grams[offsets[i]:offsets[i + 1]]`` are those of text *i*.
    """
    hashes: list[NDArray[np.uint64]] = []
    counts: list[NDArray[np.int64]] = []
    start = 0
    while start < len(texts):
        chunk: list[bytes] = []
        length = 0
        while start < len(texts) and length < CHUNK_BYTES:
            chunk.append(texts[start].encode())
            length += len(chunk[-1]) + 1
            start += 1
        words, words_of_text = _word_hashes(chunk)
        grams, grams_of_text = _windows(words, words_of_text, size)
        hashes.append(grams)
        counts.append(grams_of_text)
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(counts or [np.zeros(0, np.int64)]))])
    return np.concatenate(hashes or [np.zeros(0, np.uint64)]), offsets


def _word_hashes(texts: list[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """A hash for each word, and the number of words of each text.

    The hash of a word of bytes b_0 b_1 … is Σ b_k·p^k modulo 2^64: the difference of the cumulative sum of b_i·p^i over
    the chunk at its ends, times p^−start.
    """
    # A separator before the first text and after each, so that every word has two edges.
    letters = LETTERS[np.frombuffer(b"\n" + b"\n".join(texts) + b"\n", dtype=np.uint8)]
    inside = letters != 0
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = edges[0::2], edges[1::2]  # of the byte before the word's first, and of its last
    powers = _powers(BASE, len(letters))
    prefix_sums = np.cumsum(letters * powers)
    words = _mix((prefix_sums[ends] - prefix_sums[starts]) * _powers(BASE_INVERSE, len(letters))[starts])
    text_ends = np.cumsum([len(text) + 1 for text in texts])
    return words, np.diff(np.searchsorted(starts, text_ends), prepend=0)


def _windows(
    words: NDArray[np.uint64], words_of_text: NDArray[np.int64], size: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """A hash for each window of ``size`` words within a text; a shorter text is one window."""
    padded = np.concatenate([words, np.zeros(size, np.uint64)])
    # Σ w_k·p^k over the window within its text; windows cut off by the end of a longer text are excluded.
    hashes = np.zeros(len(words), np.uint64)
    short = np.flatnonzero((words_of_text > 0) & (words_of_text < size))
    ends = np.cumsum(words_of_text)
    remaining = np.repeat(ends, words_of_text) - np.arange(
        len(words)
    )  # words from here to the end of the text
    for k, power in enumerate(_powers(BASE, size)):
        term = padded[k : k + len(words)] * power
        term[remaining <= k] = 0
        hashes += term
    complete = remaining >= size
    complete[(ends - words_of_text)[short]] = True
    grams_of_text = np.where(words_of_text >= size, words_of_text - size + 1, np.minimum(words_of_text, 1))
    return _mix(hashes[complete]), grams_of_text


def _powers(base: np.uint64, count: int) -> NDArray[np.uint64]:
    """1, base, base², … modulo 2^64."""
    return _all_powers(base, 1 << (count - 1).bit_length())[:count]


@lru_cache(maxsize=4)
def _all_powers(base: np.uint64, count: int) -> NDArray[np.uint64]:
    powers = np.full(count, base, dtype=np.uint64)
    powers[:1] = 1
    return np.multiply.accumulate(powers)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits: the finaliser of splitmix64, a bijection."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
