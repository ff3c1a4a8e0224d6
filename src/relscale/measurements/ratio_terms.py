"""The items of one group as the ratio terms of its metrics, with what is resampled and what is flagged."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.measurements.metric import BITS, Metric, over_subjects
from relscale.measurements.question_terms import document_terms, question_terms
from relscale.scoring.items import ItemStatus

# Items with one of these statuses have no metric.
UNUSABLE = (ItemStatus.NO_NUMBER, ItemStatus.UNLABELLED, ItemStatus.OUTSIDE, ItemStatus.DISPUTED)


@dataclass(frozen=True)
class RatioTerms:
    """The numerators and denominators of the metrics of one group of items.

    Attributes
    ----------
    names
        Names of the ratios.
    numerators, denominators
        ``float64[questions, ratios]``, *a* and *b* of ``relscale.measurements.metrics``.
    doc_ids
        The document of each question.
    clusters
        ``int[questions]``, codes from 0 of the resampled clusters; None for independent questions.
    units
        Names of the resampled units: the cluster of each question, or its document.
    subjects, subject_names
        ``int[questions]``, codes from 0, and what they stand for; None and empty without subjects.
    bytes
        Scored UTF-8 bytes of the right answers, or of the documents.
    flagged
        Number of questions or documents of each status other than ok. Documents too short to score are excluded from
        everything else.
    empty
        Number of questions that have an answer without bytes.
    unknown
        Share of the scored bytes that the model's vocabulary lacks.
    has_choices
        Whether questions have several choices.
    """

    names: tuple[str, ...]
    numerators: np.ndarray
    denominators: np.ndarray
    doc_ids: list[str]
    clusters: np.ndarray | None
    units: list[str]
    subjects: np.ndarray | None
    subject_names: tuple[str, ...]
    bytes: int
    flagged: Counter[ItemStatus]
    empty: int
    unknown: float
    has_choices: bool

    @property
    def subject_count(self) -> int:
        """Number of subjects; 0 without subjects."""
        return len(self.subject_names)

    @property
    def cluster_count(self) -> int | None:
        """Number of clusters; None for independent questions."""
        return None if self.clusters is None else int(self.clusters.max()) + 1

    @cached_property
    def subjects_are_clusters(self) -> bool:
        """Whether each subject is one cluster, so that subjects are resampled."""
        if self.subjects is None or self.clusters is None or self.subject_count < 2:
            return False
        pairs = len(np.unique(np.stack([self.subjects, self.clusters]), axis=1).T)
        return pairs == self.subject_count == self.cluster_count

    @property
    def subject_units(self) -> tuple[int, ...]:
        """Number of resampled units of each subject; empty without subjects, or if subjects are the units."""
        if self.subjects is None or self.subjects_are_clusters:
            return ()
        units = [set[str]() for _ in range(self.subject_count)]
        for subject, unit in zip(self.subjects, self.units, strict=True):
            units[subject].add(unit)
        return tuple(map(len, units))

    @property
    def independent(self) -> "RatioTerms":
        """The same with all questions treated as independent."""
        return replace(self, clusters=None, units=self.doc_ids)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics: those of the ratios, or each of them micro and macro."""
        return self.names if self.subjects is None else over_subjects(self.names)


def shared_clusters(items: pa.Table) -> frozenset[str]:
    """The clusters that several documents of a suite share, in whichever group they are."""
    if "cluster" not in items.column_names:  # items of a user's table
        return frozenset()
    documents = items.select(["cluster", "doc_id"]).group_by(["cluster", "doc_id"]).aggregate([])
    counts = Counter(documents["cluster"].drop_null().to_pylist())
    return frozenset(cluster for cluster, count in counts.items() if count > 1)


def ratio_terms(items: pa.Table, shared: frozenset[str] | None = None) -> RatioTerms:
    """The ratio terms of the items of one group and prompt; choices of a question are adjacent, starting with choice
    0.

    Parameters
    ----------
    shared
        The clusters that several documents of the suite share; by default those that several of ``items`` share. A
        group whose documents share a cluster with those of another group only is resampled by cluster as well, or the
        two would not be paired.
    """
    is_document = bool(items["greedy"].null_count)
    by_status = _by_status(items["status"])
    short = by_status[ItemStatus.TOO_SHORT]
    if is_document:
        short |= items["bytes_scored"].to_numpy() == 0
    subjects = None if items["subject"].null_count else pc.unique(items["subject"])
    if short.any():
        items, by_status = (
            items.filter(pa.array(~short)),
            {name: rows[~short] for name, rows in by_status.items()},
        )
    choice = items["choice"].to_numpy()
    starts = pa.array(np.flatnonzero(choice == 0))
    question = np.cumsum(choice == 0) - 1
    unusable, flagged = _flagged(items, by_status, question, len(starts))
    flagged[ItemStatus.TOO_SHORT] = int(short.sum())
    columns = (
        document_terms(items, unusable) if is_document else question_terms(items, question, choice, unusable)
    )
    numerators, denominators = (np.stack(side, axis=1) for side in zip(*columns.values(), strict=True))
    pooled = Metric.of(BITS, "document" if is_document else "scored", "pooled").name
    size = int(denominators[:, list(columns).index(pooled)].sum())
    codes, subject_names = None, ()
    if subjects is not None:
        names = subjects.take(pc.sort_indices(subjects))
        codes = pc.index_in(items["subject"].take(starts), value_set=names).to_numpy()
        subject_names = tuple(names.to_pylist())
    empty = 0 if is_document else np.unique(question[items["bytes_answer"].to_numpy() == 0]).size
    doc_ids = items["doc_id"].take(starts).to_pylist()
    clusters, units = _clusters(items, starts, doc_ids, shared_clusters(items) if shared is None else shared)
    return RatioTerms(
        tuple(columns),
        numerators,
        denominators,
        doc_ids,
        clusters,
        units,
        codes,
        subject_names,
        size,
        +flagged,
        int(empty),
        _unknown(items),
        bool(choice.max(initial=0)),
    )


def _unknown(items: pa.Table) -> float:
    """Share of the scored bytes that the vocabulary lacks; 0 if the items do not tell."""
    if "bytes_unknown" not in items.column_names:
        return 0.0
    unknown, scored = (pc.sum(items[name]).as_py() or 0 for name in ("bytes_unknown", "bytes_scored"))
    return unknown / scored if scored else 0.0


def _clusters(
    items: pa.Table, starts: pa.Array, doc_ids: list[str], shared: frozenset[str]
) -> tuple[np.ndarray | None, list[str]]:
    """The cluster of each question as a code and as a name; None if no question is in a shared one."""
    if not shared or "cluster" not in items.column_names:
        return None, doc_ids
    labels = items["cluster"].take(starts).to_pylist()
    if shared.isdisjoint(labels):
        return None, doc_ids
    units = [doc if cluster is None else cluster for cluster, doc in zip(labels, doc_ids, strict=True)]
    return np.unique(units, return_inverse=True)[1].ravel(), units


def _by_status(statuses: pa.ChunkedArray) -> dict[ItemStatus, np.ndarray]:
    """Which items have each status other than ok."""
    encoded = statuses.combine_chunks().dictionary_encode()
    codes, names = encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
    return {
        name: codes == (names.index(name) if name in names else -1)
        for name in ItemStatus
        if name is not ItemStatus.OK
    }


def _flagged(
    items: pa.Table, flags: dict[ItemStatus, np.ndarray], question: np.ndarray, questions: int
) -> tuple[np.ndarray, Counter[ItemStatus]]:
    """Which questions are unusable, and the number of each status."""
    logprob = items["logprob"].to_numpy()
    labelled = np.bincount(
        question, weights=items["target"].to_numpy(zero_copy_only=False), minlength=questions
    )
    has = {**flags, ItemStatus.NO_NUMBER: flags[ItemStatus.NO_NUMBER] | ~np.isfinite(logprob) | (logprob > 0)}
    has[ItemStatus.UNLABELLED] = flags[ItemStatus.UNLABELLED] | (
        (labelled == 0)[question] & ~flags[ItemStatus.OUTSIDE]
    )
    unusable = np.zeros(questions, bool)
    for name in UNUSABLE:
        unusable[question[has[name]]] = True
    return unusable, Counter(
        {name: np.unique(question[rows]).size for name, rows in has.items() if rows.any()}
    )
