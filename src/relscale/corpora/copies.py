"""Held-out texts that other documents have for training.

Within a source such copies are removed (``relscale.corpora.duplicates``); sources are split independently.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from relscale.storage import arrow_compute as pc


def trained_on(texts: pa.ChunkedArray, documents: pa.Table) -> NDArray[np.bool_]:
    """Which texts are those of a training document, ``[len(texts)]``.

    Parameters
    ----------
    texts
        Held-out texts.
    documents
        Documents with the columns ``split`` and ``text``.
    """
    seen = np.zeros(len(texts), bool)
    for batch in documents.select(["split", "text"]).to_batches():
        training = batch.filter(pc.equal(batch["split"], "train"))["text"]
        seen |= pc.is_in(texts, value_set=training).to_numpy()
    return seen
