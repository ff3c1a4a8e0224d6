"""What a scored item says of itself, from what the model gave and what the suite knows."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from relscale.scoring.requests import Request
from relscale.scoring.score import score_requests


def engine(logprob, cut, tokens, unknown=False):
    """A model that gives every request the same."""

    def scores(requests, **_):
        n = len(requests)
        return SimpleNamespace(
            logprob=np.full(n, logprob),
            greedy=np.full(n, False),
            tokens=np.full(n, tokens, np.int32),
            cut=np.full(n, cut),
            unknown=np.full(n, unknown),
            bytes_scored=np.full(n, 5, np.int32),
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


@pytest.mark.parametrize("cut", [False, True])
def test_unknown_characters_are_worse_than_a_cut_context(cut):
    request = Request("t", "p", "g", None, "d", 0, True, "Which?", " red", 3, 4, 7, "ok")
    items = score_requests(engine(-3.0, cut, 2, unknown=True), "s", [request], {})
    assert items["status"].to_pylist() == ["unknown characters"]
