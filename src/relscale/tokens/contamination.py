"""Decontamination: training documents that share an n-gram with the prompts and answers of a test suite.

The rule of Brown et al. (2020, arXiv 2005.14165, appendix C) for whole documents: one shared n-gram suffices.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from relscale.corpora.duplicates import ngrams
from relscale.errors import RelscaleError

REQUESTS_FILE = "requests.parquet"


def suite_ngrams(suites: Sequence[str | Path], size: int) -> NDArray[np.uint64]:
    """Sorted hashes of the n-grams of ``size`` words in the items of prepared suites.

    Each prompt is combined with its right answer; wrong answers are not included, because they are often right
    elsewhere. A prompt and answer of fewer words are one n-gram.

    Raises
    ------
    RelscaleError
        A suite is not prepared.
    """
    ngrams_of_suites = [
        np.unique(ngrams(texts, size)[0]) for suite in suites for texts in _texts(Path(suite), size)
    ]
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *ngrams_of_suites]))


def contaminated(texts: Sequence[str], known: NDArray[np.uint64], size: int) -> NDArray[np.bool_]:
    """Whether each text contains one of the ``known`` n-grams of `suite_ngrams`."""
    grams, offsets = ngrams(texts, size)
    if not len(grams) or not len(known):
        return np.zeros(len(texts), bool)
    positions = np.minimum(np.searchsorted(known, grams), len(known) - 1)
    hits = np.concatenate([[0], np.cumsum(known[positions] == grams)])
    return hits[offsets[1:]] > hits[offsets[:-1]]


def _texts(suite: Path, size: int) -> Iterator[list[str]]:
    """Texts of each task of a suite: contexts, and each right answer after its context."""
    path = suite / REQUESTS_FILE
    if not path.is_file():
        raise RelscaleError(
            f"{path}: no such file; prepare the suite first (relscale suite CONFIG --suite NAME)"
        )
    with pa.parquet.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, columns=["target", "context", "continuation"])
            contexts: dict[str, None] = {}
            answers = []
            for target, context, answer in zip(
                *(column.to_pylist() for column in table.columns), strict=True
            ):
                if context is not None:
                    contexts[context] = None
                if target:
                    before = (context or "").split()[-(size - 1) :] if size > 1 else []
                    answers.append(" ".join([*before, answer]))
            yield [*contexts, *answers]
