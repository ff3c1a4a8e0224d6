"""What models are held against where no prepared suite says it: the documents that most of them have."""

import numpy as np
import pyarrow as pa
import pytest

from relscale.measurements.comparable import _differences, _reference, log_probability_digests
from relscale.scoring.items import SCHEMA


def model(documents, words=7):
    return dict.fromkeys(documents, (words,))


def flags(models):
    reference = _reference([(documents, 1) for documents in models])
    return [[difference.status for difference in _differences(documents, reference)] for documents in models]


@pytest.mark.parametrize("models", [2, 3, 30])
def test_a_model_with_another_version_of_a_document_is_flagged_alone(models):
    whole = model(map(str, range(100)))
    other = model([*map(str, range(99)), "99, corrected"])
    found = flags([*[whole] * models, other])
    assert found[:-1] == [[]] * models
    assert found[-1] == ["incomplete", "other items"]


def test_a_limited_run_beside_one_or_more_complete_ones_is_incomplete():
    whole, limited = model("abcdefghijkl"), model("abcd")
    assert flags([whole, limited]) == [[], ["incomplete"]]
    assert flags([whole, whole, limited]) == [[], [], ["incomplete"]]


def items_of(logprobs, tokens):
    rows = {field.name: pa.nulls(len(logprobs), field.type) for field in SCHEMA}
    rows |= {
        "suite": pa.array(["s"] * len(logprobs)),
        "logprob": pa.array(logprobs),
        "tokens": pa.array(tokens, pa.int32()),
    }
    return pa.table(rows)


def test_models_that_predict_nothing_yet_are_no_copies_of_one_another():
    tokens = np.arange(1, 20)
    assert log_probability_digests(items_of(-np.log(512) * tokens, tokens)) == {}
    learnt = -np.log(512) * tokens * np.linspace(0.5, 0.9, 19)
    assert set(log_probability_digests(items_of(learnt, tokens))) == {"s"}
