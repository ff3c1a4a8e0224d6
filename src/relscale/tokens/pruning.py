"""Data pruning: selection of training documents by difficulty, length, or novelty.

=========== ==============================================================================================
score       of a document
=========== ==============================================================================================
loss        bits per byte under a model of the same experiment
length      bytes
duplicates  share of its word n-grams that no other document has
random      a number that depends only on its id and the seed
=========== ==============================================================================================

A document with a higher score counts as harder. Documents are kept from one end of the order, or around its middle, up
to a share of the text in bytes, so that arms with the same share have the same amount of text.

Source: Sorscher et al., *Beyond neural scaling laws: beating power law scaling via data pruning*, arXiv 2206.14486.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from relscale.corpora.duplicates import ngrams
from relscale.corpora.split import fraction
from relscale.tokens.options import Prune

NGRAM = 8  # words


@dataclass(frozen=True)
class Pruning:
    """The pruning of a corpus.

    Attributes
    ----------
    options
        The config's section.
    losses
        For the score ``loss``: bits per byte of the training documents, by table of documents and document id.
    """

    options: Prune
    losses: Mapping[Path, Mapping[str, float]] = field(default_factory=dict)


def selected_documents(
    documents: pa.Table, options: Prune, seed: int, losses: Mapping[str, float]
) -> NDArray[np.bool_]:
    """Which of the training documents are kept, as a boolean array.

    Parameters
    ----------
    documents
        With the columns ``id``, ``text`` and ``bytes``.
    seed
        Random seed of the score ``random``.
    losses
        Values of the score ``loss``, by id.
    """
    size = documents["bytes"].to_numpy()
    score = scores(documents, options, seed, losses)
    order = np.argsort(score, kind="stable")
    if options.side == "hard":
        order = order[::-1]
    if options.side == "middle":
        centre = size[order].cumsum() - size[order] / 2 - size.sum() / 2
        order = order[np.argsort(np.abs(centre), kind="stable")]
    kept = np.zeros(len(size), bool)
    kept[order[size[order].cumsum() <= options.keep * size.sum()]] = True
    return kept


def scores(
    documents: pa.Table, options: Prune, seed: int, losses: Mapping[str, float]
) -> NDArray[np.float64]:
    """The score of each document, ``[n]``."""
    if options.score == "length":
        return np.asarray(documents["bytes"].to_numpy(), float)
    ids = documents["id"].to_pylist()
    if options.score == "random":
        return np.array([fraction("prune", seed, name) for name in ids])
    if options.score == "loss":
        return np.array([losses[name] for name in ids])
    return _unique_ngrams(documents["text"].to_pylist())


def _unique_ngrams(texts: list[str]) -> NDArray[np.float64]:
    """The share of each text's distinct word n-grams that no other text has; 0 for a text without words."""
    grams, offsets = ngrams(texts, NGRAM)
    text_of_ngram = np.repeat(np.arange(len(texts)), np.diff(offsets))
    pairs = np.unique(np.stack([grams, text_of_ngram.astype(np.uint64)], axis=1), axis=0)
    _, number, count = np.unique(pairs[:, 0], return_inverse=True, return_counts=True)
    text = pairs[:, 1].astype(np.int64)
    distinct_ngrams = np.bincount(text, minlength=len(texts))
    unique_ngrams = np.bincount(text, weights=count[number] == 1, minlength=len(texts))
    return np.asarray(unique_ngrams / np.maximum(1, distinct_ngrams))
