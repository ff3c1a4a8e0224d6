"""What a scored item says of itself, from what the model gave and what the suite knows."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from relscale.scoring.requests import Request
from relscale.scoring.score import score_requests


def engine(logprob, cut, tokens):
    """A model that gives every request the same."""

    def scores(requests, **_):
        n = len(requests)
        return SimpleNamespace(
            logprob=np.full(n, logprob),
            greedy=np.full(n, False),
            tokens=np.full(n, tokens, np.int32),
            cut=np.full(n, cut),
            bytes_scored=np.full(n, 5, np.int32),
            bytes_unknown=np.full(n, 2, np.int32),
        )

    return SimpleNamespace(score_pairs=scores, score_texts=scores)


@pytest.mark.parametrize(
    ("logprob", "label", "cut", "tokens", "status"),
    [
        (-3.0, "ok", False, 2, "ok"),
        (0.0, "ok", False, 2, "ok"),
        (-3.0, "ok", True, 2, "context cut"),
        (-3.0, "unlabelled", True, 2, "unlabelled"),
        (-3.0, "label outside the choices", False, 2, "label outside the choices"),
        (math.nan, "ok", True, 2, "no number"),
        (-math.inf, "unlabelled", False, 2, "no number"),
        (math.inf, "ok", False, 2, "no number"),
        (1e-9, "ok", False, 2, "no number"),
        (0.0, "ok", False, 0, "too short"),
    ],
)
@pytest.mark.parametrize("context", ["Which?", None])
def test_an_item_says_the_worst_that_is_known_of_it(context, logprob, label, cut, tokens, status):
    request = Request("t", "p", "g", None, "d", 0, True, context, " red", 3, 4, 7, label)
    items = score_requests(engine(logprob, cut, tokens), "s", [request], {})
    assert items["status"].to_pylist() == [status]
    assert items["request_digest"].to_pylist() == [7]
    assert items["bytes_unknown"].to_pylist() == [2]
