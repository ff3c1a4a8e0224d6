"""Score a checkpoint on the requests of a suite."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from relscale.scoring.items import SCHEMA, ItemStatus
from relscale.scoring.manifest import Windows
from relscale.scoring.requests import Request
from relscale.storage.rows import names_of

if TYPE_CHECKING:
    from relscale.scoring.engine import Engine


def score_requests(engine: "Engine", suite: str, requests: Sequence[Request], windows: Windows) -> pa.Table:
    """The items of some requests of a task under a model, in their order; columns of ``relscale.scoring.items.SCHEMA``.

    Parameters
    ----------
    engine
        The model.
    suite
        Name of the suite, for the items.
    requests
        Continuations of a context, or whole documents.
    windows
        Windows of documents: ``context_tokens`` and ``overlap`` of `Engine.score_texts`.
    """
    is_document = np.array([request.context is None for request in requests], bool)
    pairs = engine.score_pairs([(r.context, r.continuation) for r in requests if r.context is not None])
    texts = engine.score_texts([r.continuation for r in requests if r.context is None], **windows)
    values = {}
    for name in ("logprob", "greedy", "tokens", "cut", "bytes_scored", "bytes_unknown"):
        values[name] = np.empty(len(requests), getattr(pairs, name).dtype)
        values[name][~is_document], values[name][is_document] = getattr(pairs, name), getattr(texts, name)
    columns = {
        **{name: [getattr(request, name) for request in requests] for name in names_of(Request)},
        "suite": [suite] * len(requests),
        "logprob": values["logprob"],
        "tokens": values["tokens"],
        "bytes_scored": values["bytes_scored"],
        "bytes_unknown": values["bytes_unknown"],
        "greedy": pa.array(values["greedy"], mask=is_document),
        "status": _statuses(requests, values),
    }
    return pa.table([pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def _statuses(requests: Sequence[Request], logprobs: dict[str, np.ndarray]) -> np.ndarray:
    label = np.array([request.status for request in requests], dtype=object)
    flags = {
        ItemStatus.NO_NUMBER: ~np.isfinite(logprobs["logprob"]) | (logprobs["logprob"] > 0),
        ItemStatus.TOO_SHORT: logprobs["tokens"] == 0,
        ItemStatus.UNLABELLED: label == ItemStatus.UNLABELLED,
        ItemStatus.OUTSIDE: label == ItemStatus.OUTSIDE,
        ItemStatus.CUT: logprobs["cut"],
    }
    return np.select(list(flags.values()), [str(status) for status in flags], str(ItemStatus.OK))
