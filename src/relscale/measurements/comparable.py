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

Requests = tuple[int, ...]  # digests of the requests of a document, one per occurrence


@dataclass(frozen=True)
class GroupRequests:
    """The requests of a group for one model.

    Attributes
    ----------
    digest
        Digest that is equal for models with the same requests in the same order.
    documents
        Task and id of each document, once per occurrence.
    requests
        ``uint64[documents]``, a digest of the contexts and continuations of each.
    prepared
        Whether these are a prepared suite's own requests.
    """

    digest: bytes
    documents: pa.Array = field(repr=False)
    requests: np.ndarray = field(repr=False)
    prepared: bool

    def by_document(self) -> dict[str, Requests]:
        """The requests of each document."""
        lengths: dict[str, list[int]] = defaultdict(list)
        for document, requests in zip(self.documents.to_pylist(), self.requests.tolist(), strict=True):
            lengths[document].append(requests)
        return {document: tuple(sorted(requests)) for document, requests in lengths.items()}


def group_requests(items: pa.Table, prepared: bool) -> GroupRequests:
    """The requests of one group's items under one prompt; choices of a question are adjacent."""
    starts = np.flatnonzero(items["choice"].to_numpy() == 0)
    firsts = items.select(["task", "doc_id"]).take(pa.array(starts)).combine_chunks()
    documents = pa.concat_arrays(
        [pa.array([], pa.string()), *pc.binary_join_element_wise(*firsts.columns, "\0").chunks]
    )
    requests = np.add.reduceat(items["request_digest"].to_numpy().view(np.uint64), starts)
    sizes = pc.binary_length(documents).to_numpy()
    text = memoryview(documents.buffers()[2])[: sizes.sum()]
    digest = hashlib.blake2b(bytes([prepared]), digest_size=16)
    for part in sizes.tobytes(), requests.tobytes(), text:
        digest.update(part)
    return GroupRequests(digest.digest(), documents, requests, prepared)


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
class Expected:
    """The most frequent multiplicity and requests of a document; None if ambiguous."""

    count: int
    requests: Requests | None


def _reference(models: Sequence[tuple[dict[str, Requests], int]]) -> dict[str, Expected]:
    """The documents of at least half of the models, so that one model with another version flags itself alone."""
    counts: dict[str, Counter[Requests]] = defaultdict(Counter)
    for documents, weight in models:
        for document, requests in documents.items():
            counts[document][requests] += weight
    most = sum(weight for _, weight in models)
    return {
        document: _most_frequent(requests)
        for document, requests in counts.items()
        if 2 * sum(requests.values()) >= most
    }


def _most_frequent(weights: Counter[Requests]) -> Expected:
    counts: Counter[int] = Counter()
    forms: Counter[Requests] = Counter()
    for requests, weight in weights.items():
        counts[len(requests)] += weight
        forms[tuple(sorted(set(requests)))] += weight
    most = max(forms.values())
    expected = [requests for requests, weight in forms.items() if weight == most]
    often = max(counts.values())
    return Expected(
        min(count for count, weight in counts.items() if weight == often),
        expected[0] if len(expected) == 1 else None,
    )


def _differences(documents: dict[str, Requests], reference: dict[str, Expected]) -> Iterator[Difference]:
    items = sum(expected.count for expected in reference.values())
    shared = sum(
        min(expected.count, len(documents.get(document, ()))) for document, expected in reference.items()
    )
    if shared < items:
        yield Difference(Status.INCOMPLETE, shared, items)
    own = sum(map(len, documents.values()))
    others = sum(len(requests) for document, requests in documents.items() if document not in reference)
    if others:
        yield Difference(Status.OTHER_ITEMS, others, own)
    known = [
        (requests, reference[document]) for document, requests in documents.items() if document in reference
    ]
    again = sum(max(0, len(requests) - expected.count) for requests, expected in known)
    if again:
        yield Difference(Status.REPEATED, again, own)
    otherwise = sum(
        len(requests) for requests, expected in known if tuple(sorted(set(requests))) != expected.requests
    )
    if otherwise:
        yield Difference(Status.OTHER_PROMPT, otherwise, own)


def log_probability_digests(items: pa.Table) -> dict[str, bytes]:
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


def equal_log_probabilities(
    models: Sequence[tuple[str, str, bytes]],
) -> dict[tuple[str, str], tuple[str, ...]]:
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
