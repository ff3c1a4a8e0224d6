"""A label names choices or it does not; what it does not name is never taken as right."""

import json

import numpy as np
import pytest
import yaml

from relscale.errors import RelscaleError
from relscale.scoring.items import ItemStatus
from relscale.scoring.labels import also_texts, check_counted_from_zero, right_choices
from relscale.scoring.options import Suite
from relscale.scoring.requests import read_requests
from relscale.scoring.suite import prepare_suite

CHOICES = ["red", "blue", "3"]
NAMED = [
    (1, [1]),
    (1.0, [1]),
    (np.int64(2), [2]),
    (True, [1]),
    (False, [0]),
    ("blue", [1]),
    ("3", [2]),  # a text before a number
    ([0, 2], [0, 2]),
    (["blue", "red"], [1, 0]),
    ((1, 1), [1]),
]
HIDDEN = [-1, -1.0, "", " ", "-1", None, float("nan"), [], [-1], [None, ""]]
OUTSIDE = [3, 7, -2, -100, 1.5, "green", "7", " blue", [0, 3], [1, -1], ["red", "green"], {"place": 1}]


@pytest.mark.parametrize(("label", "places"), NAMED)
def test_a_label_is_a_place_a_text_or_several(label, places):
    assert right_choices(label, CHOICES) == (places, ItemStatus.OK)


@pytest.mark.parametrize("label", HIDDEN)
def test_a_hidden_label_is_unlabelled_and_makes_no_choice_right(label):
    assert right_choices(label, CHOICES) == ([], ItemStatus.UNLABELLED)


@pytest.mark.parametrize("label", OUTSIDE)
def test_a_label_that_is_not_a_choice_is_outside_and_never_counts_from_the_end(label):
    places, status = right_choices(label, CHOICES)
    assert status is ItemStatus.OUTSIDE
    assert all(CHOICES[place] in ("red", "blue") for place in places)


@pytest.mark.parametrize(
    "choices", [[True, False], ["True", "False"], ["true", "false"], [" TRUE.", "(False)"]]
)
def test_true_and_false_are_the_choices_of_these_words_in_either_order(choices):
    for ordered in (choices, choices[::-1]):
        for label in (True, False):
            assert right_choices(label, ordered) == ([ordered.index(choices[not label])], ItemStatus.OK)
            assert right_choices(str(choices[not label]), ordered)[0] == [ordered.index(choices[not label])]
            for text in (str(label), str(label).lower(), str(label).upper()):
                assert right_choices(text, ordered) == ([ordered.index(choices[not label])], ItemStatus.OK)
    assert right_choices(False, [choices[0], "unknown"]) == ([], ItemStatus.OUTSIDE)


@pytest.mark.parametrize("label", [True, "TRUE"])
def test_true_is_no_choice_where_two_are_this_word_or_none(label):
    assert right_choices(label, ["true", "True.", "false"]) == ([], ItemStatus.OUTSIDE)
    assert right_choices(str(label), ["no", "yes"]) == ([], ItemStatus.OUTSIDE)
    assert right_choices("true", ["True", "true", "false"]) == ([1], ItemStatus.OK)


FOUR = ["red", "blue", "green", "grey"]


@pytest.mark.parametrize("labels", [[1, 2, 3, 4], [4, 2, 3], ["1", "4"], [1.0, 4.0], [-1, 1, 4]])
def test_labels_that_count_from_1_are_refused(labels):
    with pytest.raises(RelscaleError, match="so they count from 1"):
        check_counted_from_zero(labels, [FOUR] * len(labels), "quiz")


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 2, 3],
        [1, 2, 3],
        [0, 4],
        [-1, -1],
        [True, False],
        ["red", "grey"],
        [[1, 4]],
        [None, 2],
        [float("inf")],
    ],
)
def test_labels_that_may_count_from_0_are_read(labels):
    check_counted_from_zero(labels, [FOUR] * len(labels), "quiz")
    check_counted_from_zero(["4"], [["2", "3", "4", "5"]], "quiz")


@pytest.mark.parametrize(
    ("labels", "choices", "both"),
    [
        ([2, 0], [["2", "0", "1"], ["0", "1", "2"]], True),
        ([2, 0], [["0", "1", "2"], ["0", "1", "2"]], False),  # either way the same
        ([0, 2], [["3", "1", "2"], ["3", "1", "2"]], False),  # 0 is the text of no choice
        ([0, 1], [FOUR, FOUR], False),
        ([2, 0], [[2, 0, 1], [0, 1, 2]], True),
        (["2", "0"], [["2", "0", "1"], ["0", "1", "2"]], False),  # texts, of a column that is named alone
    ],
)
def test_labels_that_are_positions_and_texts_are_distinguished(labels, choices, both):
    assert also_texts(labels, choices) is both


@pytest.fixture
def prepared(tmp_path):
    """A function that prepares a suite of two groups of 12 questions with the labels of one of them given."""

    def prepare(labels, ids=range(12), choices=CHOICES):
        source = tmp_path / "mine"
        (source / "data").mkdir(parents=True)
        for group, own, names in (("one", labels, ids), ("two", [0] * 12, range(12))):
            rows = [
                {"id": f"q{n}", "question": f"Which, {n}?", "choices": choices, "answer": label}
                for n, label in zip(names, own, strict=True)
            ]
            (source / "data" / f"{group}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (source / "task.yaml").write_text(
            yaml.safe_dump(
                {
                    "output_type": "multiple_choice",
                    "test_split": "test",
                    "doc_to_text": "question",
                    "doc_to_choice": "choices",
                    "doc_to_target": "answer",
                    "metric_list": [{"metric": "acc"}],
                }
            )
        )
        facts = {"title": "Mine", "description": "", "kind": "multiple_choice", "metric": "brier"}
        (source / "suite.yaml").write_text(yaml.safe_dump(facts | {"direction": "lower", "baseline": "two"}))
        prepare_suite("mine", Suite(path=str(source)), [], tmp_path / "out", seed=0)
        return [
            request for task in read_requests(tmp_path / "out") for request in task if request.group == "one"
        ]

    return prepare


@pytest.mark.parametrize(
    ("label", "status", "said"),
    [
        (-1, "unlabelled", "have no label"),
        (None, "unlabelled", "have no label"),
        (9, "label outside the choices", "have a label outside their choices"),
        (-2, "label outside the choices", "have a label outside their choices"),
    ],
)
def test_a_suite_says_how_many_documents_have_no_usable_label(prepared, capsys, label, status, said):
    requests = prepared([0, 1, 2, 1] * 2 + [label] * 4)
    assert [request.status for request in requests] == ["ok"] * 24 + [status] * 12
    right = [(n, request.choice) for n, request in enumerate(requests[:12]) if request.target]
    assert right == [(0, 0), (4, 1), (8, 2), (10, 1)]
    assert not any(request.target for request in requests[24:])
    (line,) = capsys.readouterr().err.splitlines()
    assert f"4 of 12 documents of the task 'mine_one' {said}" in line


def test_a_suite_without_any_label_is_prepared(prepared):
    requests = prepared([-1] * 12)
    assert len(requests) == 36
    assert not any(request.target for request in requests)


def test_what_lm_eval_cannot_make_a_task_of_is_refused_with_a_hint(prepared):
    with pytest.raises(
        RelscaleError, match="is the label of its first document outside the choices"
    ) as error:
        prepared([9] * 12)
    assert "\n" not in str(error.value)


def test_documents_that_stand_twice_are_said(prepared, capsys):
    assert len(prepared([0] * 12, ids=[*range(10), 0, 1])) == 36
    (line,) = capsys.readouterr().err.splitlines()
    assert "2 of 12 documents of the task 'mine_one' are duplicates of another, or have its id" in line


@pytest.mark.slow
def test_a_suite_whose_labels_count_from_1_is_refused(prepared):
    with pytest.raises(
        RelscaleError, match=r"one.*the labels are from 1 to 3 for 3 choices, so they count from 1"
    ):
        prepared([1, 2, 3] * 4)


@pytest.mark.parametrize("choices", [[True, False], [3, 4]])
def test_choices_that_are_no_texts_are_refused_with_a_remedy(prepared, choices):
    with pytest.raises(RelscaleError, match=r"make them text, as in \{\{\[a\|string, b\|string\]\}\}"):
        prepared([0] * 12, choices=choices)
