"""One number of many documents, as lm-eval aggregates them, and its standard error."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest

from relscale.measurements.draws import Draws
from relscale.measurements.task_metrics import task_metrics
from relscale.scoring.task_values import SCHEMA

DRAWS = Draws(50, seed=0)


def rows(values, aggregation="mean", metric="score", task="task", subject=None):
    """Values of documents as a scoring job writes them."""
    return [
        {
            **{"suite": "suite", "task": task, "prompt": "default", "group": "group", "subject": subject},
            **{"doc_id": f"{task} {number}", "metric": metric, "filter": "none", "value": json.dumps(value)},
            **{"aggregation": aggregation, "targets": True},
        }
        for number, value in enumerate(values)
    ]


def found(*tables):
    table = pa.Table.from_pylist([row for table in tables for row in table], SCHEMA)
    return {one.name: one for one in task_metrics(table, None, DRAWS)}


def resampled(function, values, times=4000):
    """The standard deviation of a statistic over resampled documents."""
    draw = np.random.default_rng(0)
    picked = draw.integers(len(values), size=(times, len(values)))
    return np.std([function([values[place] for place in places]) for places in picked])


VALUES = np.random.default_rng(1)
LOGPROBS = VALUES.normal(-30, 8, 60).tolist()
SIZES = VALUES.integers(5, 40, 60).tolist()
GOLD, PREDICTED = VALUES.integers(2, size=60).tolist(), VALUES.integers(2, size=60).tolist()
PROBABILITIES = VALUES.dirichlet([1, 1, 1], 60).tolist()
CASES = {
    "mean": [float(value) for value in GOLD],
    "nanmean": [math.nan if number % 5 == 0 else value for number, value in enumerate(LOGPROBS)],
    "median": LOGPROBS,
    "perplexity": [value / 20 for value in LOGPROBS],
    "weighted_perplexity": list(zip(LOGPROBS, SIZES, strict=True)),
    "bits_per_byte": list(zip(LOGPROBS, SIZES, strict=True)),
    "brier_score": [[number % 3, each] for number, each in enumerate(PROBABILITIES)],
    "f1": list(zip(GOLD, PREDICTED, strict=True)),
    "matthews_corrcoef": list(zip(GOLD, PREDICTED, strict=True)),
}


@pytest.mark.slow
@pytest.mark.parametrize("aggregation", CASES)
def test_the_value_is_lm_evals_and_the_standard_error_that_of_resampled_documents(aggregation):
    from lm_eval.api.registry import get_aggregation

    function, values = get_aggregation(aggregation), CASES[aggregation]
    one = found(rows(values, aggregation))["lm_eval_score"]
    assert one.value == function(values)
    slow = aggregation in ("f1", "matthews_corrcoef")
    expected = resampled(function, values, 150 if slow else 4000)
    assert one.stderr == pytest.approx(expected, rel=0.25 if slow else 0.15)


def documents_of(*draw):
    """Values, each as often as it was drawn."""
    return [value for values, times in draw for value, n in zip(values, times, strict=True) for _ in range(n)]


@pytest.mark.slow
@pytest.mark.parametrize("aggregation", CASES)
def test_a_replicate_is_lm_evals_value_of_the_documents_that_were_drawn(aggregation):
    from lm_eval.api.registry import get_aggregation

    function, values = get_aggregation(aggregation), CASES[aggregation]
    one = found(rows(values, aggregation))["lm_eval_score"]
    drawn = DRAWS.of([f"task {number}" for number in range(len(values))]).astype(int)
    expected = [function(documents_of((values, times))) for times in drawn.T]
    assert one.replicates == pytest.approx(expected, rel=1e-9)


def test_so_it_is_over_tasks_and_over_subjects():
    one, other = [1.0, 1.0, 0.0, 0.0], [1.0, 0.0]
    metrics = found(rows(one, task="a", subject="a"), rows(other, task="b", subject="b"))
    drawn = [DRAWS.of([f"{task} {i}" for i in range(n)]).astype(int).T for task, n in (("a", 4), ("b", 2))]
    both = [(documents_of((one, a)), documents_of((other, b))) for a, b in zip(*drawn, strict=True)]
    micro = [np.mean([*a, *b]) for a, b in both]
    macro = [(np.mean(a) + np.mean(b)) / 2 if a and b else np.nan for a, b in both]
    assert metrics["lm_eval_score_micro"].replicates == pytest.approx(micro)
    assert metrics["lm_eval_score_macro"].replicates == pytest.approx(macro, nan_ok=True)


def test_a_function_of_the_tasks_own_has_a_value_and_no_replicates(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "relscale.measurements.task_metrics._custom_aggregations",
        lambda *_: {"score": lambda values: max(values)},
    )
    table = pa.Table.from_pylist(rows([1.0, 3.0], aggregation=None), SCHEMA)
    (one,) = task_metrics(table, tmp_path, DRAWS)
    assert one.value == 3
    assert math.isnan(one.stderr)
    assert np.isnan(one.replicates).all()


def test_a_value_that_is_not_that_of_its_formula_has_no_replicates(monkeypatch):
    monkeypatch.setattr("lm_eval.api.registry.get_aggregation", lambda name: min)
    one = found(rows([1.0, 3.0]))["lm_eval_score"]
    assert one.value == 1
    assert math.isnan(one.stderr)
    assert np.isnan(one.replicates).all()


def test_a_single_document_has_no_standard_error():
    assert math.isnan(found(rows([1.0]))["lm_eval_score"].stderr)


def test_subjects_are_weighed_by_their_documents_and_alike():
    one, other = rows([1.0, 1.0, 0.0, 0.0], task="a", subject="a"), rows([1.0] * 2, task="b", subject="b")
    metrics = found(one, other)
    assert metrics["lm_eval_score_micro"].value == pytest.approx(4 / 6)
    assert metrics["lm_eval_score_macro"].value == pytest.approx((0.5 + 1) / 2)
    assert metrics["lm_eval_score_micro"].documents == 6


def test_a_task_without_a_metric_does_not_count_in_it():
    one, other = rows([1.0, 0.0], task="a", subject="a"), rows([0.5], metric="other", task="b", subject="b")
    metrics = found(one, other)
    assert metrics["lm_eval_score_micro"].value == metrics["lm_eval_score_macro"].value == 0.5
    assert metrics["lm_eval_other_micro"].documents == 1


def test_filters_are_metrics_of_their_own():
    table = [{**row, "filter": "strict"} for row in rows([1.0, 0.0])]
    assert set(found(rows([0.0, 0.0]), table)) == {"lm_eval_score", "lm_eval_score_strict"}


@pytest.mark.parametrize("values", [[1.0, None], [[1], [2, 3]], ["a", "b"]], ids=str)
def test_what_cannot_be_made_one_number_is_none(values):
    one = found(rows(values))["lm_eval_score"]
    assert math.isnan(one.value)
    assert math.isnan(one.stderr)


def test_an_aggregation_of_a_task_that_is_not_there_is_none():
    assert math.isnan(found(rows([1.0], aggregation=None))["lm_eval_score"].value)
