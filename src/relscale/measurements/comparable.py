"""Comparability of items: a relative law needs the same items for every model.

For one group and prompt, each model has documents with multiplicities, and a digest of the requests of each
document. They are compared with a reference: the prepared suite if models were scored here, else the
documents of at least half of the models, with the multiplicity and requests of most models. If two sets of requests are
equally frequent, the reference is ambiguous and all of these models are flagged. Prompts with other solved examples,
of another template, or in the chat templates of different models are different prompts.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.measurements.status import Status, of_items

Words = tuple[int, ...]  # digests of the requests of a document, one per occurrence


@dataclass(frozen=True)
class GroupRequests:
    """The requests of a group for one model.

    Attributes
    ----------
    digest
        Digest that is equal for models with the same requests in the same order.
    documents
        Task and id of each document, once per occurrence.
    words
        ``uint64[documents]``, a digest of the contexts and continuations of each.
    prepared
        Whether these are a prepared suite's own requests.
    """

    digest: bytes
    documents: pa.Array = field(repr=False)
    words: np.ndarray = field(repr=False)
    prepared: bool

    def by_document(self) -> dict[str, Words]:
        """The requests of each document."""
        lengths: dict[str, list[int]] = defaultdict(list)
        for document, words in zip(self.documents.to_pylist(), self.words.tolist(), strict=True):
            lengths[document].append(words)
        return {document: tuple(sorted(words)) for document, words in lengths.items()}


def group_requests(items: pa.Table, prepared: bool) -> GroupRequests:
    """The requests of one group's items under one prompt; choices of a question are adjacent."""
    starts = np.flatnonzero(items["choice"].to_numpy() == 0)
    firsts = items.select(["task", "doc_id"]).take(pa.array(starts)).combine_chunks()
    documents = pa.concat_arrays(
        [pa.array([], pa.string()), *pc.binary_join_element_wise(*firsts.columns, "\0").chunks]
    )
    words = np.add.reduceat(items["request_digest"].to_numpy().view(np.uint64), starts)
    sizes = pc.binary_length(documents).to_numpy()
    text = memoryview(documents.buffers()[2])[: sizes.sum()]
    digest = hashlib.blake2b(bytes([prepared]), digest_size=16)
    for part in sizes.tobytes(), words.tobytes(), text:
        digest.update(part)
    return GroupRequests(digest.digest(), documents, words, prepared)


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of one model's items from the reference: its kind, and the number of items."""

    status: Status
    count: int
    items: int

    def __str__(self) -> str:
        return of_items(self.status, self.count, self.items)


def differences(models: Sequence[GroupRequests]) -> list[tuple[Difference, ...]]:
    """The differences of each model from the reference; empty if all items are the same."""
    counts = Counter(model.digest for model in models)
    if len(counts) == 1:
        return [()] * len(models)
    once = {model.digest: model for model in models}
    documents = {digest: model.by_document() for digest, model in once.items()}
    prepared = {model.digest for model in models if model.prepared}
    reference = _reference([(documents[digest], counts[digest]) for digest in (prepared or counts)])
    statuses = {digest: tuple(_differences(documents[digest], reference)) for digest in counts}
    return [statuses[model.digest] for model in models]


@dataclass(frozen=True)
class Usual:
    """The most frequent multiplicity and requests of a document; None if ambiguous."""

    count: int
    words: Words | None


def _reference(models: Sequence[tuple[dict[str, Words], int]]) -> dict[str, Usual]:
    """The documents of at least half of the models, so that one model with another version flags itself alone."""
    counts: dict[str, Counter[Words]] = defaultdict(Counter)
    for documents, weight in models:
        for document, words in documents.items():
            counts[document][words] += weight
    most = sum(weight for _, weight in models)
    return {document: _usual(words) for document, words in counts.items() if 2 * sum(words.values()) >= most}


def _usual(weights: Counter[Words]) -> Usual:
    counts: Counter[int] = Counter()
    forms: Counter[Words] = Counter()
    for words, weight in weights.items():
        counts[len(words)] += weight
        forms[tuple(sorted(set(words)))] += weight
    most = max(forms.values())
    usual = [words for words, weight in forms.items() if weight == most]
    often = max(counts.values())
    return Usual(
        min(count for count, weight in counts.items() if weight == often),
        usual[0] if len(usual) == 1 else None,
    )


def _differences(documents: dict[str, Words], reference: dict[str, Usual]) -> Iterator[Difference]:
    items = sum(usual.count for usual in reference.values())
    shared = sum(min(usual.count, len(documents.get(document, ()))) for document, usual in reference.items())
    if shared < items:
        yield Difference(Status.INCOMPLETE, shared, items)
    n_own_words = sum(map(len, documents.values()))
    others = sum(len(words) for document, words in documents.items() if document not in reference)
    if others:
        yield Difference(Status.OTHER_ITEMS, others, n_own_words)
    known = [(words, reference[document]) for document, words in documents.items() if document in reference]
    again = sum(max(0, len(words) - usual.count) for words, usual in known)
    if again:
        yield Difference(Status.REPEATED, again, n_own_words)
    otherwise = sum(len(words) for words, usual in known if tuple(sorted(set(words))) != usual.words)
    if otherwise:
        yield Difference(Status.OTHER_PROMPT, otherwise, n_own_words)


def number_digests(items: pa.Table) -> dict[str, bytes]:
    """A digest of all log-probabilities of a model in each suite; equal for one model under two names.

    A suite in which all tokens are equally likely has none, because this holds for all untrained models.
    """
    digests = {}
    for suite in pc.unique(items["suite"]).to_pylist():
        of_suite = items.filter(pc.field("suite") == suite)
        numbers = of_suite["logprob"].to_numpy()
        by_token = numbers / of_suite["tokens"].to_numpy(zero_copy_only=False).astype(
            float
        )  # NaN if a log lacks it
        uniform = np.allclose(by_token, by_token[0], rtol=1e-6, atol=0)
        if np.isfinite(numbers).any() and not uniform:
            digests[suite] = hashlib.blake2b(np.sort(numbers).tobytes(), digest_size=16).digest()
    return digests


def same_numbers(models: Sequence[tuple[str, str, bytes]]) -> dict[tuple[str, str], tuple[str, ...]]:
    """A status for each model and suite in which another model has exactly the same log-probabilities.

    Parameters
    ----------
    models
        Name, suite and digest of its numbers.
    """
    names: dict[tuple[str, bytes], set[str]] = defaultdict(set)
    for name, suite, digest in models:
        names[suite, digest].add(name)
    return {
        (name, suite): (f"{Status.SAME_NUMBERS}: as {', '.join(sorted(names[suite, digest] - {name}))}",)
        for name, suite, digest in models
        if len(names[suite, digest]) > 1
    }
