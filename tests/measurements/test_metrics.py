import math
import statistics

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.measurements.draws import draws
from relscale.measurements.metrics import replicate_values, values
from relscale.measurements.ratio_terms import ratio_terms
from relscale.scoring.items import ItemStatus

logprobs = st.floats(-200, -0.01)
sizes = st.integers(1, 60)


@st.composite
def questions(draw, fewest=2):
    """Questions of two to five choices, one of them right."""
    made = []
    for number in range(draw(st.integers(fewest, 7))):
        count = draw(st.integers(2, 5))
        right = draw(st.integers(0, count - 1))
        # Distinct answers, so that the likeliest is one of them.
        scores = draw(st.lists(logprobs, min_size=count, max_size=count, unique_by=lambda x: round(x, 3)))
        answers = draw(st.lists(sizes, min_size=count, max_size=count))
        right_or_not = [place == right for place in range(count)]
        lengths = [size + 1 for size in answers]
        made.append((f"d{number}", list(zip(scores, answers, lengths, right_or_not, strict=True))))
    return made


def reference(made):
    """The metrics from their definitions, question by question, in plain Python."""
    each = []
    for _, choices in made:
        ((right, answer, scored, _),) = [c for c in choices if c[3]]
        wrong = [-c[0] / math.log(2) / c[1] for c in choices if not c[3]]
        bits = -right / math.log(2)
        found = {
            "bits_per_byte_answer_mean": bits / answer,
            "bits_per_byte_scored_mean": bits / scored,
            "bits_per_byte_other_mean": statistics.fmean(wrong),
            "nats_answer_mean": -right,
            "bits": bits,
            "answer": answer,
            "scored": scored,
        }
        for suffix, score in (("", lambda c: c[0]), ("_per_byte", lambda c: c[0] / c[1])):
            top = max(choices, key=score)
            own = max(map(score, choices))
            total = math.fsum(math.exp(score(c) - own) for c in choices)
            log_p = [score(c) - own - math.log(total) for c in choices]
            (place,) = [i for i, c in enumerate(choices) if c[3]]
            found[f"accuracy{suffix}"] = float(top[3])
            found[f"error_rate{suffix}"] = float(not top[3])
            found[f"probability{suffix}"] = math.exp(log_p[place])
            found[f"log_probability{suffix}"] = log_p[place]
            found[f"brier{suffix}"] = sum(
                (math.exp(q) - c[3]) ** 2 for q, c in zip(log_p, choices, strict=True)
            )
        each.append(found)
    names = [name for name in each[0] if name not in ("bits", "answer", "scored")]
    means = {name: statistics.fmean(e[name] for e in each) for name in names}
    errors = {name: statistics.stdev(e[name] for e in each) / math.sqrt(len(each)) for name in means}
    bits = sum(e["bits"] for e in each)
    means["bits_per_byte_answer_pooled"] = bits / sum(e["answer"] for e in each)
    means["bits_per_byte_scored_pooled"] = bits / sum(e["scored"] for e in each)
    return means, errors


@pytest.mark.slow
@given(questions())
def test_metrics_are_as_defined(make_items, made):
    group = ratio_terms(make_items(made))
    value, stderr = (dict(zip(group.metrics, each, strict=True)) for each in values(group))
    means, errors = reference(made)
    assert value == pytest.approx(means, rel=1e-9, abs=1e-12)
    assert {name: stderr[name] for name in errors} == pytest.approx(errors, rel=1e-6, abs=1e-9)


@pytest.mark.slow
@given(questions(), st.integers(1, 5))
def test_equal_weights_give_the_plain_value(make_items, made, weight):
    group = ratio_terms(make_items(made))
    weighted = replicate_values(group, np.full((len(made), 3), float(weight)))
    assert weighted == pytest.approx(np.tile(values(group)[0], (3, 1)), rel=1e-12)


@pytest.mark.slow
@given(questions(fewest=3), st.data())
def test_a_weight_is_a_number_of_copies(make_items, made, data):
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(made), max_size=len(made)).filter(any))
    group = ratio_terms(make_items(made))
    weighted = replicate_values(group, np.array(counts, float)[:, None])[0]
    copies = [question for question, count in zip(made, counts, strict=True) for _ in range(count)]
    repeated = ratio_terms(make_items(copies))
    with np.errstate(all="ignore"):
        assert weighted == pytest.approx(values(repeated)[0], rel=1e-9, abs=1e-12)


def test_the_standard_error_of_a_pooled_ratio_is_the_spread_of_its_replicates(make_items):
    chance = np.random.default_rng(0)
    size = chance.integers(100, 1500, 400)
    bits = size * chance.normal(1.2, 0.2, 400)
    documents = [
        (f"d{i}", [(-float(b) * math.log(2), int(n), int(n), True)])
        for i, (b, n) in enumerate(zip(bits, size, strict=True))
    ]
    group = ratio_terms(make_items(documents, kind="document"))
    spread = replicate_values(group, draws(group.doc_ids, 4000, seed=0)).std(axis=0)
    assert values(group)[1] == pytest.approx(spread, rel=0.1)


def test_documents_are_pooled_over_bytes_or_averaged(make_items):
    group = ratio_terms(
        make_items(
            [("a", [(-8 * math.log(2), 8, 8, True)]), ("b", [(-4 * math.log(2), 2, 2, True)])],
            kind="document",
        )
    )
    assert dict(zip(group.metrics, values(group)[0], strict=True)) == pytest.approx(
        {"bits_per_byte_document_pooled": 12 / 10, "bits_per_byte_document_mean": (1 + 2) / 2}
    )
    assert group.bytes == 10


def test_an_answer_too_improbable_for_a_float_still_has_a_log_probability(make_items):
    group = ratio_terms(make_items([("a", [(-2000.0, 5, 5, True), (-1.0, 5, 5, False)])] * 2))
    value = dict(zip(group.metrics, values(group)[0], strict=True))
    assert value["log_probability"] == pytest.approx(-1999)
    assert value["probability"] == 0
    assert value["brier"] == pytest.approx(2)


def test_a_task_without_choices_has_the_accuracy_of_greedy_decoding(make_items):
    group = ratio_terms(make_items([("a", [(-0.5, 5, 5, True)]), ("b", [(-3.0, 5, 5, True)])]))
    value = dict(zip(group.metrics, values(group)[0], strict=True))
    assert value["accuracy"] == 0.5
    assert "probability" not in value


def test_a_single_item_has_no_standard_error(make_items):
    group = ratio_terms(make_items([("a", [(-0.5, 5, 5, True), (-1.0, 5, 5, False)])]))
    assert np.isnan(values(group)[1]).all()
    assert np.isfinite(values(group)[0]).all()


def test_cut_contexts_are_counted_by_question(make_items):
    made = [
        ("a", [(-0.5, 5, 5, True), (-1.0, 5, 5, False)]),
        ("b", [(-0.5, 5, 5, True), (-1.0, 5, 5, False)]),
    ]
    assert ratio_terms(make_items(made, status="context cut")).flagged == {ItemStatus.CUT: 2}
    assert not ratio_terms(make_items(made)).flagged


NUMBERS = st.sampled_from([math.nan, math.inf, -math.inf, 1e-9, 5.0])


@pytest.mark.slow
@given(questions(), NUMBERS, st.data())
def test_one_item_without_a_number_leaves_no_metric_of_its_group(make_items, made, number, data):
    place = data.draw(st.integers(0, len(made) - 1))
    choices = made[place][1]
    wrong = data.draw(st.integers(0, len(choices) - 1))
    choices[wrong] = (number, *choices[wrong][1:])
    group = ratio_terms(make_items(made))
    assert group.flagged == {ItemStatus.NO_NUMBER: 1}
    assert np.isnan(values(group)[0]).all()
    assert np.isnan(replicate_values(group, np.ones((len(made), 2)))).all()


@pytest.mark.slow
@given(questions(), st.sampled_from([ItemStatus.UNLABELLED, ItemStatus.OUTSIDE]), st.data())
def test_a_question_without_a_right_choice_leaves_no_metric_of_its_group(make_items, made, status, data):
    place = data.draw(st.integers(0, len(made) - 1))
    made[place] = (made[place][0], [(*choice[:3], False) for choice in made[place][1]])
    items = make_items(made)
    of_question = pa.array(np.where(np.cumsum(items["choice"].to_numpy() == 0) - 1 == place, status, "ok"))
    group = ratio_terms(items.set_column(items.column_names.index("status"), "status", of_question))
    assert group.flagged == {status: 1}
    assert np.isnan(values(group)[0]).all()
    assert ratio_terms(items).flagged == {ItemStatus.UNLABELLED: 1}  # whatever the items say of themselves


def test_a_document_without_a_number_leaves_no_metric_of_its_group(make_items):
    for number in (math.nan, math.inf, -math.inf, 0.5):
        made = [("a", [(-3.0, 8, 8, True)]), ("b", [(number, 2, 2, True)])]
        group = ratio_terms(make_items(made, kind="document"))
        assert group.flagged == {ItemStatus.NO_NUMBER: 1}
        assert np.isnan(values(group)[0]).all()


@pytest.mark.slow
@given(questions(), st.data())
def test_an_empty_answer_is_a_question_all_the_same_but_has_no_bits_per_byte(make_items, made, data):
    whole = ratio_terms(make_items(made))
    place = data.draw(st.integers(0, len(made) - 1))
    right = next(n for n, choice in enumerate(made[place][1]) if choice[3])
    logprob, _, scored, target = made[place][1][right]
    made[place][1][right] = (logprob, 0, scored, target)
    group = ratio_terms(make_items(made))
    assert (group.empty, group.flagged) == (1, {})
    before, after = (dict(zip(each.metrics, values(each)[0], strict=True)) for each in (whole, group))
    for name, value in after.items():
        if (
            ("answer_mean" in name and "bits" in name)
            or "answer_pooled" in name
            or name.endswith("_per_byte")
        ):
            assert np.isnan(value), name
        else:
            assert value == before[name], name


def test_a_group_of_nothing_but_empty_documents_has_no_value_and_no_error(make_items):
    group = ratio_terms(make_items([("a", [(0.0, 0, 0, True)]), ("b", [(0.0, 0, 0, True)])], kind="document"))
    assert group.flagged == {ItemStatus.TOO_SHORT: 2}
    assert np.isnan(values(group)[0]).all()
    assert group.metrics == ("bits_per_byte_document_pooled", "bits_per_byte_document_mean")
