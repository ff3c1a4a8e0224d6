"""Metrics of items, each a ratio of two sums over questions.

A metric is ``R = Σ w_i·a_i / Σ w_i·b_i`` over questions or documents *i*. For a mean ``b_i = 1``; for a pooled value
``b_i`` is the bytes of the answer or document. The weights are 1 for the value itself and a bootstrap draw's counts for
a replicate, so all draws of all metrics are two matrix products. The standard error over items, by the delta method, is

    ``se(R)² = n / (n − 1) · Σ (a_i − R·b_i)² / (Σ b_i)²``,

which for a mean is the sample standard deviation over √n. If questions come in clusters *c*, such as those of one
file, the clusters are independent but the questions are not: the sums are then those of clusters, ``a_c = Σ a_i`` and
``b_c = Σ b_i`` over the questions of c, and n is the number of clusters. If a few clusters have most of the questions,
the standard error is as uncertain as one of fewer clusters: their effective number is ``(Σ b_c)² / Σ b_c²``, which is n
for equal ones. It is that of Carter, Schnepel and Steigerwald (*Asymptotic behavior of a t-test robust to cluster
heterogeneity*, Review of Economics and Statistics 99, 2017) if the variance of a cluster's sum is in proportion to b_c;
with b_c² instead, as if the questions of a cluster were one, simulated intervals are far too wide.

====================================  =========================================================================
``bits_per_byte_answer_mean``         mean over questions of the right answer's bits per byte of the answer
``bits_per_byte_answer_pooled``       bits of all right answers over their bytes
``bits_per_byte_scored_mean``         the same two over the bytes of the scored strings, with their delimiters
``bits_per_byte_scored_pooled``
``bits_per_byte_other_mean``          mean over questions of the mean over its wrong answers of bits per byte
``nats_answer_mean``                  mean over questions of the right answer's nats
``bits_per_byte_document_pooled``     bits of all documents over their bytes
``bits_per_byte_document_mean``       mean over documents of bits per byte
``accuracy``, ``error_rate``          share of questions whose likeliest choice is right, and one minus that
``probability``                       probability of the right choice among the choices
``log_probability``                   its logarithm, nats
``brier``                             squared distance of the choices' probabilities from the truth, summed over choices
====================================  =========================================================================

The last five also exist with ``_per_byte``: each choice's log-probability is divided by its answer's UTF-8 bytes before
choices are compared (lm-eval's ``acc_norm`` divides by characters). A task without choices (one continuation, right if
it is greedy) has no probability among choices and no Brier score.

If items have subjects, each metric exists as ``_micro``, over all items, and as ``_macro``, the mean over subjects
*s* of each subject's value: ``R = Σ_s R_s / S`` with ``se(R)² = Σ_s se(R_s)² / S²``. Bootstrap draws are weighted
within each subject. Clusters are assumed to be within subjects; if each subject is one cluster, subjects are
resampled, and ``_macro`` is a mean of randomly drawn subjects, ``se(R)² = var(R_s) / S``.

With few items per subject, se(R)² stays unbiased, but has few degrees of freedom, and a draw without any item of a
subject has no value. In simulations, R ± 1.96 · se(R) of two subjects covered 80% to 89% with 3 items each, 90% to 91%
with 10 and 93% to 94% with 30; with 57 subjects of 3 items 94% to 95%, but 95% of the draws had no value. Subjects of
fewer than 10 items are reported.

A question with an invalid log-probability or without a right choice is NaN in every ratio, as is each metric of its
group. An answer without bytes is NaN in the ratios that divide by each answer's bytes.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.measurements.metric import BITS, DOCUMENT_METRICS, OTHER, PER_BYTE, Metric, over_subjects
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
        ``float64[questions, ratios]``, *a* and *b* above.
    doc_ids
        The document of each question.
    clusters
        ``int[questions]``, codes from 0 of the resampled clusters; None for independent questions.
    units
        Names of the resampled units: the cluster of each question, or its document.
    subjects, subject_count
        ``int[questions]``, codes from 0, and their number; None and 0 without subjects.
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
    subject_count: int
    bytes: int
    flagged: Counter[ItemStatus]
    empty: int
    unknown: float
    has_choices: bool

    @property
    def cluster_count(self) -> int | None:
        """Number of clusters; None for independent questions."""
        return None if self.clusters is None else int(self.clusters.max()) + 1

    @property
    def subject_units(self) -> tuple[int, ...]:
        """Number of resampled units of each subject; empty without subjects, or if subjects are the units."""
        if self.subjects is None or _subjects_are_clusters(self):
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
        _document_columns(items, unusable)
        if is_document
        else _question_columns(items, question, choice, unusable)
    )
    numerators, denominators = (np.stack(side, axis=1) for side in zip(*columns.values(), strict=True))
    pooled = Metric.of(BITS, "document" if is_document else "scored", "pooled").name
    size = int(denominators[:, list(columns).index(pooled)].sum())
    codes, count = None, 0
    if subjects is not None:
        names = subjects.take(pc.sort_indices(subjects))
        codes, count = pc.index_in(items["subject"].take(starts), value_set=names).to_numpy(), len(names)
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
        count,
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


def values(group: RatioTerms) -> tuple[np.ndarray, np.ndarray]:
    """Value and standard error over items of each metric, ``float64[metrics]``; the error of a single unit is NaN."""
    value, stderr = _ratios(group.numerators, group.denominators, group.clusters)
    if group.subjects is None:
        return value, stderr
    by_subject = []
    for code in range(group.subject_count):
        of_subject = group.subjects == code
        clusters = None if group.clusters is None else group.clusters[of_subject]
        by_subject.append(_ratios(group.numerators[of_subject], group.denominators[of_subject], clusters))
    macro = np.mean([number for number, _ in by_subject], axis=0)
    if _subjects_are_clusters(group):
        of_subjects = np.std([number for number, _ in by_subject], axis=0, ddof=1)
        return np.concatenate([value, macro]), np.concatenate(
            [stderr, of_subjects / np.sqrt(len(by_subject))]
        )
    macro_stderr = np.sqrt(np.sum([error**2 for _, error in by_subject], axis=0)) / len(by_subject)
    return np.concatenate([value, macro]), np.concatenate([stderr, macro_stderr])


def effective_clusters(group: RatioTerms) -> np.ndarray | None:
    """The effective number of clusters of each metric, ``float64[metrics]``; None for independent questions."""
    if group.clusters is None:
        return None
    weights = group.denominators
    with np.errstate(invalid="ignore", divide="ignore"):
        if group.subjects is not None:
            of_subject = weights / _summed(weights, group.subjects)[group.subjects]
            weights = np.concatenate([weights, of_subject], axis=1)
        by_cluster = _summed(weights, group.clusters)
        effective: np.ndarray = by_cluster.sum(axis=0) ** 2 / (by_cluster**2).sum(axis=0)
        return effective


def _subjects_are_clusters(group: RatioTerms) -> bool:
    """Whether each subject is one cluster, so that subjects are resampled."""
    if group.subjects is None or group.clusters is None or group.subject_count < 2:
        return False
    pairs = len(np.unique(np.stack([group.subjects, group.clusters]), axis=1).T)
    return pairs == group.subject_count == group.cluster_count


def _ratios(a: np.ndarray, b: np.ndarray, clusters: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """``Σ a / Σ b`` of each column and its standard error, over clusters if there are any."""
    if clusters is not None:
        a, b = (_summed(column, clusters) for column in (a, b))
    total = b.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = a.sum(axis=0) / total
        n = len(a)
        variance = np.float64(n) / (n - 1) * ((a - value * b) ** 2).sum(axis=0) / total**2
    return value, np.sqrt(variance)


def _summed(columns: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """``[questions, columns]`` summed over each cluster."""
    names, codes = np.unique(clusters, return_inverse=True)
    totals = np.zeros((len(names), columns.shape[1]))
    np.add.at(totals, codes.ravel(), columns)
    return totals


def replicate_values(group: RatioTerms, weights: np.ndarray) -> np.ndarray:
    """The metrics with questions weighted, ``float64[draws, metrics]``.

    Parameters
    ----------
    group
        Ratio terms of n questions.
    weights
        ``[n, draws]``, number of times that each question is drawn. A draw without any question (of a subject) gives
        NaN.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        micro: np.ndarray = (weights.T @ group.numerators) / (weights.T @ group.denominators)
        if group.subjects is None:
            return micro
        macro, total = np.zeros_like(micro), 0.0
        subjects_are_clusters = _subjects_are_clusters(group)
        for code in range(group.subject_count):
            of_subject = group.subjects == code
            drawn = np.ones_like(weights[of_subject].T) if subjects_are_clusters else weights[of_subject].T
            times = weights[of_subject][0][:, None] if subjects_are_clusters else 1.0
            macro += times * (
                (drawn @ group.numerators[of_subject]) / (drawn @ group.denominators[of_subject])
            )
            total = total + times
        macro /= total
    return np.concatenate([micro, macro], axis=1)


Column = tuple[np.ndarray, np.ndarray]


def _document_columns(items: pa.Table, unusable: np.ndarray) -> dict[str, Column]:
    bits = np.where(unusable, np.nan, -items["logprob"].to_numpy() / np.log(2))
    size = items["bytes_scored"].to_numpy().astype(float)
    return dict(zip(DOCUMENT_METRICS, [(bits, size), (bits / size, np.ones_like(bits))], strict=True))


def _question_columns(
    items: pa.Table, question: np.ndarray, choice: np.ndarray, unusable: np.ndarray
) -> dict[str, Column]:
    shape = (len(unusable), choice.max(initial=0) + 1)

    def grid(name: str, missing: float) -> np.ndarray:
        """``[questions, choices]``; questions may have different numbers of choices."""
        filled = np.full(shape, missing)
        filled[question, choice] = items[name].to_numpy(zero_copy_only=False)
        return filled

    logprob, target = grid("logprob", -np.inf), grid("target", 0) == 1
    logprob[unusable] = np.nan
    answer, scored = (_sizes(grid(name, 1)) for name in ("bytes_answer", "bytes_scored"))
    rows = np.arange(len(logprob))
    right = target.argmax(axis=1)  # the first right answer, if there are several
    bits = -logprob[rows, right] / np.log(2)
    ones = np.ones_like(bits)
    columns = {}
    for divisor, size in (("answer", answer[rows, right]), ("scored", scored[rows, right])):
        columns[Metric.of(BITS, divisor, "mean").name] = bits / size, ones
        columns[Metric.of(BITS, divisor, "pooled").name] = _pooled(bits, size)
    columns[Metric.of("nats", "answer", "mean").name] = bits * np.log(2), ones
    if shape[1] == 1:
        correct = np.where(unusable, np.nan, grid("greedy", 0)[:, 0])
        return {**columns, "accuracy": (correct, ones), "error_rate": (1 - correct, ones)}
    other = ~target & (grid("choice", -1) >= 0)
    if other.any(axis=1).all():
        per_byte = np.where(other, -logprob / answer / np.log(2), 0.0)
        columns[Metric.of(OTHER, None, "mean").name] = (per_byte.sum(axis=1) / other.sum(axis=1), ones)
    return (
        columns | _choice_metrics(logprob, target, "") | _choice_metrics(logprob / answer, target, PER_BYTE)
    )


def _sizes(counts: np.ndarray) -> np.ndarray:
    """Bytes as a denominator: NaN for 0."""
    return np.where(counts == 0, np.nan, counts)


def _pooled(bits: np.ndarray, size: np.ndarray) -> Column:
    return np.where(np.isnan(size), np.nan, bits), np.nan_to_num(size)


def _choice_metrics(logprob: np.ndarray, target: np.ndarray, suffix: str) -> dict[str, Column]:
    """Metrics that compare the choices of a question, from ``float64[questions, choices]``; missing choices are −∞."""
    ones = np.ones(len(logprob))
    known = ~np.isnan(logprob).any(axis=1)
    correct = np.where(known, target[np.arange(len(logprob)), logprob.argmax(axis=1)], np.nan)
    highest = logprob.max(axis=1, keepdims=True)
    normaliser = highest + np.log(np.exp(logprob - highest).sum(axis=1, keepdims=True))
    probability = np.exp(logprob - normaliser)
    # log Σ exp over the right answers, so that an answer too improbable for a float still has a logarithm.
    among = np.where(target | ~known[:, None], logprob, -np.inf)
    top = among.max(axis=1, keepdims=True)
    log_probability = (top + np.log(np.exp(among - top).sum(axis=1, keepdims=True)) - normaliser)[:, 0]
    columns = {
        "accuracy": correct,
        "error_rate": 1 - correct,
        "probability": np.exp(log_probability),
        "log_probability": log_probability,
        "brier": ((probability - target) ** 2).sum(axis=1),
    }
    return {f"{name}{suffix}": (column, ones) for name, column in columns.items()}
