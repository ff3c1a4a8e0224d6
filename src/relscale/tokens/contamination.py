"""Training text that a test suite asks: documents that share a run of words with its prompts and answers.

The rule of Brown et al. (2020, arXiv 2005.14165, appendix C), by whole documents: one shared n-gram is enough.
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
    """Hashes, ascending, of the runs of ``size`` words in what prepared suites ask.

    Each prompt counts as it stands before its right answer; of wrong answers nothing is looked for, since they are
    often true of something else. A prompt and answer of fewer words are one run.

    Raises
    ------
    RelscaleError
        A suite is not prepared.
    """
    found = [np.unique(ngrams(texts, size)[0]) for suite in suites for texts in _texts(Path(suite), size)]
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *found]))


def contaminated(texts: Sequence[str], known: NDArray[np.uint64], size: int) -> NDArray[np.bool_]:
    """Of each text, whether it has one of the ``known`` runs, as ``asked`` gives them."""
    grams, offsets = ngrams(texts, size)
    if not len(grams) or not len(known):
        return np.zeros(len(texts), bool)
    places = np.minimum(np.searchsorted(known, grams), len(known) - 1)
    hits = np.concatenate([[0], np.cumsum(known[places] == grams)])
    return hits[offsets[1:]] > hits[offsets[:-1]]


def _texts(suite: Path, size: int) -> Iterator[list[str]]:
    """What each task of a suite asks: its contexts, and each right answer after the words that come before it."""
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
