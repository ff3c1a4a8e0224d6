"""What is the optimal-transport distance of each source of documents from a target?

    distance = min over matchings of equal samples:  mean |document − target document|

Documents are vectors of hashed byte trigrams (``relscale.corpora.distance``). ``above_target`` is the distance beyond
that between two samples of the target itself: finite samples differ even if their text is of one kind. A column of
such distances for the training mixtures of models is an input of the question ``projection``.

Source: Kang et al., *Performance Scaling via Optimal Transport* (Projektor), arXiv 2307.02460, whose documents are
embedded differently.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from relscale.corpora.distance import MAX_EXACT, document_vectors, transport_distance
from relscale.errors import RelscaleError
from relscale.fixed_parameters import fractions
from relscale.storage.column_arrays import Columns
from relscale.storage.rows import column


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportRow:
    """One row per source."""

    source: str = column("The source of documents.")
    documents: int = column("Documents per sample.", "documents")
    distance: float = column("Mean distance from the target over samples.")
    sd: float | None = column("Standard deviation of the distance over the samples.", default=None)
    above_target: float = column("Distance minus that between two samples of the target.")
    above_sd: float | None = column(
        "Standard deviation of the distance above the target over the samples.", default=None
    )


ROW = TransportRow
MIXTURE = "mixture"


def rows(
    table: Columns,
    *,
    target: str,
    text: str = "text",
    source: str = "group",
    shares: tuple[str, ...] = (),
    sample: int = 200,
    repeats: int = 5,
    seed: int = 0,
) -> Iterator[TransportRow]:
    """The distance of each source from the target.

    Parameters
    ----------
    target
        The target source.
    text
        Column of the documents; rows without text are ignored.
    source
        Column of their source.
    shares
        Shares of the other sources, in order of first appearance; adds their mixture as a source.
    sample
        Documents of each source per sample, at most half of the target's.
    repeats
        Number of samples to average.
    seed
        Seed of the sampling.

    Raises
    ------
    RelscaleError
        A column is missing, the target is not a source, or a source has too few documents.
    """
    written = np.array([isinstance(document, str) for document in table[text]], dtype=bool)
    if not written.any():
        raise RelscaleError(f"column {text!r} contains no text")
    labels, texts = table.where(written).labels(source), table[text][written]
    names = list(dict.fromkeys(map(str, labels)))
    if target not in names:
        raise RelscaleError(f"target: no {source} is {target!r}; there are {', '.join(names[:10])}")
    if not 2 <= sample <= MAX_EXACT or repeats < 1:
        raise RelscaleError(
            f"sample, repeats: {sample}, {repeats}; from 2 to {MAX_EXACT} documents, and 1 or more"
        )
    rng = np.random.default_rng(seed)
    others = [name for name in names if name != target]
    mixture = fractions("shares", shares, len(others)) if shares else None
    rows_of = {name: np.flatnonzero(labels == name) for name in names}
    for name, rows in rows_of.items():
        if len(rows) < (needed := 2 * sample if name == target else sample):
            raise RelscaleError(
                f"{source} {name}: {len(rows)} documents; {needed} are needed, or a smaller sample"
            )
    vectors = document_vectors(list(texts))
    shown = [*names, *([MIXTURE] if mixture is not None else [])]
    distances = np.empty((repeats, len(shown)))
    for repeat in range(repeats):
        drawn = rng.choice(rows_of[target], 2 * sample, replace=False)
        other, reference = drawn[:sample], drawn[sample:]
        for i, name in enumerate(shown):
            if name == target:
                selected = other
            elif i < len(names):
                selected = rng.choice(rows_of[name], sample, replace=False)
            else:
                assert mixture is not None
                counts = rng.multinomial(sample, mixture)
                selected = np.concatenate(
                    [rng.choice(rows_of[o], n, replace=False) for o, n in zip(others, counts, strict=True)]
                )
            distances[repeat, i] = transport_distance(vectors[selected], vectors[reference])
    itself = distances[:, names.index(target)]
    for i, name in enumerate(shown):
        yield TransportRow(
            source=name,
            documents=sample,
            distance=float(distances[:, i].mean()),
            sd=float(distances[:, i].std(ddof=1)) if repeats > 1 else None,
            above_target=float((distances[:, i] - itself).mean()),
            above_sd=float((distances[:, i] - itself).std(ddof=1)) if repeats > 1 else None,
        )
