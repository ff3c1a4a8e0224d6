"""A relative law compares the same items for every model: who was asked otherwise has a status and no fit."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.measurements.collect import collect
from relscale.measurements.comparable import differences, group_requests
from relscale.measurements.measurement import Model
from relscale.measurements.options import Collect
from relscale.measurements.runs import Measured

DOCUMENTS = [f"d{n}" for n in range(12)]


@pytest.fixture
def table(make_items):
    """A function that makes a group's items from (task, subject, document, words) of each question, in two choices."""

    def make(questions, model=0):
        chance = np.random.default_rng(model)
        items = make_items(
            [
                (doc, [(-chance.uniform(1, 9), 5, 6, True), (-chance.uniform(1, 9), 7, 8, False)])
                for *_, doc, _ in questions
            ]
        )
        columns = {
            "task": [task for task, *_ in questions for _ in range(2)],
            "subject": [subject for _, subject, *_ in questions for _ in range(2)],
            "request_digest": [10 * words + choice for *_, words in questions for choice in range(2)],
        }
        for name, values in columns.items():
            place = items.column_names.index(name)
            items = items.set_column(
                place, items.schema.field(name), pa.array(values, items.schema.field(name).type)
            )
        return items

    return make


WHOLE = [("t", None, doc, 1) for doc in DOCUMENTS]
TWO_TASKS = [(task, task, doc, 1) for task in ("law", "logic") for doc in DOCUMENTS[:6]]


OPTIONS = Collect(replicates=5, cut=0)


def named(name):
    return Model(corpus="web", run=name, block=name, training_flops=1.0)


def statuses(tables, prepared=()):
    """The statuses of each model, by its name, from the waist itself."""
    runs = [Measured(named(name), (), (items,), prepared=name in prepared) for name, items in tables.items()]
    rows = collect(runs, "e", OPTIONS, 0)[0].to_pylist()
    assert all(row["value"] is not None for row in rows)
    return {
        name: {row["status"] for row in rows if row["run"] == name and row["suite"] == "s"} for name in tables
    }


@pytest.mark.parametrize(
    ("whole", "other", "status"),
    [
        (WHOLE, WHOLE[:4], "incomplete: 4 of 12 items"),  # lm_eval --limit 4
        (
            TWO_TASKS,
            TWO_TASKS[:6],
            "incomplete: 6 of 12 items",
        ),  # without a task, which is a subject of the macro mean
        (TWO_TASKS, TWO_TASKS[:-1], "incomplete: 11 of 12 items"),
        (WHOLE, [*WHOLE, *WHOLE], "repeated: 12 of 24 items"),
        (WHOLE, [*WHOLE, WHOLE[3]], "repeated: 1 of 13 items"),
        (WHOLE, [(task, subject, doc, 2) for task, subject, doc, _ in WHOLE], "other prompt: 12 of 12 items"),
        (WHOLE, [*WHOLE[:-1], (*WHOLE[-1][:-1], 2)], "other prompt: 1 of 12 items"),
        (
            WHOLE,
            [*WHOLE[:3], WHOLE[3], (*WHOLE[3][:-1], 2)],
            "incomplete: 4 of 12 items; repeated: 1 of 5 items; other prompt: 2 of 5 items",
        ),
    ],
)
def test_a_model_that_was_asked_otherwise_is_flagged_and_the_others_are_not(
    table, capsys, whole, other, status
):
    tables = {"a": table(whole, 0), "b": table(whole, 1), "odd": table(other, 2)}
    assert statuses(tables) == {"a": {"ok"}, "b": {"ok"}, "odd": {status}}
    assert f"odd, s p, g: {status.split(';')[0]}" in capsys.readouterr().err


def test_the_same_questions_in_another_order_are_the_same(table):
    assert statuses({"a": table(WHOLE, 0), "b": table(WHOLE[::-1], 1)}) == {"a": {"ok"}, "b": {"ok"}}


def test_documents_that_a_data_set_has_twice_are_so_for_every_model(table):
    twice = [*WHOLE, WHOLE[0]]
    tables = {name: table(twice, place) for place, name in enumerate("abc")}
    assert statuses(tables) == {name: {"ok"} for name in "abc"}
    tables["less"] = table(WHOLE, 7)
    assert statuses(tables)["less"] == {"incomplete: 12 of 13 items"}


def test_where_nobody_knows_which_prompt_is_meant_all_are_flagged(table):
    other = [(*question[:-1], 2) for question in WHOLE]
    flagged = {"other prompt: 12 of 12 items"}
    assert statuses({"a": table(WHOLE, 0), "b": table(other, 1)}) == {"a": flagged, "b": flagged}
    assert statuses({"a": table(WHOLE, 0), "b": table(other, 1)}, prepared="a") == {"a": {"ok"}, "b": flagged}


def test_what_the_prepared_suite_asks_comes_before_what_most_have(table):
    more = [*WHOLE, ("t", None, "new", 1)]
    tables = {"scored": table(WHOLE, 0), "b": table(more, 1), "c": table(more, 2)}
    flagged = {"other items: 1 of 13 items"}
    assert statuses(tables, prepared=["scored"]) == {"scored": {"ok"}, "b": flagged, "c": flagged}


def test_a_missing_subject_flags_its_group_and_no_other_subject(table):
    tables = {"a": table(TWO_TASKS, 0), "b": table(TWO_TASKS[:6], 1)}
    runs = [Measured(named(name), (), (items,)) for name, items in tables.items()]
    rows = collect(runs, "e", Collect(replicates=5, cut=0, subjects=("s",)), 0)[0].to_pylist()
    found = {(row["run"], row["suite"], row["group"]): row["status"] for row in rows}
    assert found == {
        ("a", "s", "g"): "ok",
        ("b", "s", "g"): "incomplete: 6 of 12 items",
        ("a", "s_subjects", "law"): "ok",
        ("a", "s_subjects", "logic"): "ok",
        ("b", "s_subjects", "law"): "ok",
        ("b", "s_subjects", "logic"): "incomplete: 0 of 6 items",
    }


@pytest.mark.slow
@given(st.lists(st.sampled_from(WHOLE), min_size=1, max_size=20), st.integers(1, 4), st.randoms())
def test_models_that_were_asked_the_same_never_differ(table_of, questions, models, chance):
    asks = []
    for model in range(models):
        chance.shuffle(questions)
        asks.append(group_requests(table_of(questions, model), prepared=model == 0))
    assert differences(asks) == [()] * models


@pytest.fixture(scope="session")
def table_of(make_items):
    def make(questions, model):
        items = make_items([(doc, [(-1.0 - model, 5, 6, True)]) for *_, doc, _ in questions])
        return items.set_column(
            items.column_names.index("request_digest"),
            items.schema.field("request_digest"),
            pa.array([words for *_, words in questions], pa.int64()),
        )

    return make


def test_one_model_under_two_names_is_flagged_in_a_table_of_models(table, capsys):
    tables = {"a": table(WHOLE, 0), "copy": table(WHOLE, 0), "b": table(WHOLE, 1)}
    runs = [Measured(named(name), (), (items,), listed=True) for name, items in tables.items()]
    rows = collect(runs, "e", OPTIONS, 0)[0].to_pylist()
    assert {(row["run"], row["status"]) for row in rows} == {
        ("a", "same numbers: as copy"),
        ("copy", "same numbers: as a"),
        ("b", "ok"),
    }
    assert "copy, s p, g: same numbers: as a" in capsys.readouterr().err


def test_a_model_without_a_group_that_others_have_has_its_rows_without_a_value(table, make_items, capsys):
    more = make_items(
        [
            ("d0", [(-1.0, 5, 6, True), (-2.0, 7, 8, False)]),
            ("d1", [(-3.0, 5, 6, True), (-1.0, 7, 8, False)]),
        ],
        group="h",
    )
    tables = {"a": pa.concat_tables([table(WHOLE, 0), more]), "b": table(WHOLE, 1)}
    runs = [Measured(named(name), (), (items,)) for name, items in tables.items()]
    rows = collect(runs, "e", OPTIONS, 0)[0].to_pylist()
    missing = [row for row in rows if (row["run"], row["group"]) == ("b", "h")]
    assert {(row["value"], row["items"], row["status"]) for row in missing} == {
        (None, 0, "incomplete: 0 of 2 items")
    }
    assert {row["metric"] for row in missing} == {row["metric"] for row in rows}
    assert {row["status"] for row in rows if row not in missing} == {"ok"}
    assert "b, s p, h: incomplete: 0 of 2 items" in capsys.readouterr().err


def test_what_a_table_says_of_a_model_stands_in_all_its_rows(table):
    runs = [
        Measured(named("a"), (), (table(WHOLE, 0),), listed=True),
        Measured(named("b"), (), (table(WHOLE, 1),), listed=True, status="loss spike at step 9"),
    ]
    rows = collect(runs, "e", OPTIONS, 0)[0].to_pylist()
    assert {(row["run"], row["status"]) for row in rows} == {("a", "ok"), ("b", "loss spike at step 9")}


def test_models_that_were_asked_in_other_words_are_compared_where_somebody_says_so(table, capsys):
    tables = {"a": table(WHOLE, 0), "b": table([(*question[:-1], 2) for question in WHOLE[:-1]], 1)}
    runs = [Measured(named(name), (), (items,)) for name, items in tables.items()]
    rows = collect(runs, "e", Collect(replicates=5, cut=0, prompts="any"), 0)[0].to_pylist()
    assert {(row["run"], row["status"]) for row in rows} == {("a", "ok"), ("b", "incomplete: 11 of 12 items")}
    assert "b, s p, g: other prompt: 11 of 11 items, but accepted" in capsys.readouterr().err
