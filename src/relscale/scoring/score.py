"""One checkpoint on one suite: items."""

from collections.abc import Sequence

import pyarrow as pa

from relscale.scoring.engine import Engine
from relscale.scoring.items import SCHEMA
from relscale.scoring.requests import Request

DESCRIBED = [
    "task",
    "prompt",
    "group",
    "subject",
    "doc_id",
    "choice",
    "target",
    "bytes_answer",
    "bytes_scored",
]


def score_checkpoint(model: Engine, suite: str, requests: Sequence[Request]) -> pa.Table:
    """The items of a suite under a model, in the order of ``requests``; columns of ``relscale.scoring.items.SCHEMA``.

    The requests go through the model's lm-eval interface, so its numbers are those that lm-eval would aggregate.
    """
    rolling = [request.instance.request_type == "loglikelihood_rolling" for request in requests]
    texts = [request.instance for request, whole in zip(requests, rolling, strict=True) if whole]
    pairs = [request.instance for request, whole in zip(requests, rolling, strict=True) if not whole]
    scores = {
        **{
            id(text): (score, None)
            for text, score in zip(texts, model.loglikelihood_rolling(texts), strict=True)
        },
        **{id(pair): score for pair, score in zip(pairs, model.loglikelihood(pairs), strict=True)},
    }
    windows = [
        model.encoder.rolling(r.instance.args[0]) if whole else [model.encoder.pair(*r.instance.args[:2])]
        for r, whole in zip(requests, rolling, strict=True)
    ]
    columns = {
        "suite": [suite] * len(requests),
        **{name: [getattr(request, name) for request in requests] for name in DESCRIBED},
        "logprob": [scores[id(request.instance)][0] for request in requests],
        "greedy": [scores[id(request.instance)][1] for request in requests],
        "tokens": [sum(len(window.continuation) for window in item) for item in windows],
        "status": ["context cut" if any(window.cut for window in item) else "ok" for item in windows],
    }
    return pa.table([pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)
