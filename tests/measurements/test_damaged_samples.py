"""Logs that somebody damaged, or made up: the right numbers, a flagged row, or one sentence."""

import copy
import json
import math
import random

import pytest
from one_sentence import accepted_or_one_sentence

from relscale.measurements.collect import collect
from relscale.measurements.measurement import Model
from relscale.measurements.options import Collect
from relscale.measurements.runs import Measured
from relscale.measurements.samples import read_samples
from relscale.scoring.manifest import Group, Manifest, Task

TIME = "2026-02-01T00-00-00.000001"
HOSTILE = [
    *(None, True, False, 0, 1, -1, -100, 2**70, 1.5, math.nan, math.inf, -math.inf, 1e308, 10**400),
    *("", " ", "0", "1", "nan", "-inf", "5.0", "1e999", "[", "[1]", "[[1]]", "{}", "None", "True"),
    *("(" * 500, "word " * 500, "\u2028", "\0", "é"),
    *([], [None], [[]], [0], ["a", "b"], {}, {"id": None}, {"id": {}}, {"arg_0": "x"}, [[[[]]]]),
]  # fmt: skip


def question(number):
    choices = ["red", " blue", "green"]
    return {
        "doc_id": number,
        "doc": {"id": f"q{number}", "question": "Which?", "choices": choices, "answer": number % 3},
        "target": str(number % 3),
        "arguments": {
            f"gen_args_{n}": {"arg_0": "Which?", "arg_1": f" {each}"} for n, each in enumerate(choices)
        },
        "resps": [[[str(-1.0 - (n + number) % 3), "False"]] for n in range(3)],
        "filter": "none",
        "metrics": ["acc"],
        "acc": float((-number) % 3 == number % 3),
    }


def contexts(number):
    line = question(number)
    for n, each in enumerate(line["arguments"].values()):
        each |= {"arg_0": f"Which? {n}", "arg_1": " the end"}
    return line | {"target": "the end"}


def page(number):
    text = f"A page {number}.\u2028"
    return {
        "doc_id": number,
        "doc": {"page": text},
        "target": text,
        "arguments": {"gen_args_0": {"arg_0": text}},
        "resps": [[f"{-3.5 - number}"]],
        "filter": "none",
        "metrics": ["bits_per_byte"],
        "bits_per_byte": [-3.5 - number, len(text.encode())],
    }


def places(value, path=()):
    """Every place of a JSON value, as the keys that lead there."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from places(each, (*path, key))


def damaged(line, chance):
    """A copy with something else, or nothing, in one of its places."""
    line = copy.deepcopy(line)
    *before, last = chance.choice([path for path in places(line) if path])
    parent = line
    for key in before:
        parent = parent[key]
    if chance.random() < 0.2:
        del parent[last]
    else:
        parent[last] = chance.choice(HOSTILE)
    return line


@pytest.fixture
def outcome(tmp_path):
    """What becomes of lines: the rows of measurements, or None where they are refused in one sentence."""
    manifest = Manifest(
        "Mine", "", "multiple_choice", "brier", "lower", "g", groups={"g": Group("G")}, tasks={"t": Task("g")}
    )

    def of(lines, results=None):
        text = "".join(
            (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n" for line in lines
        )
        (tmp_path / f"samples_t_{TIME}.jsonl").write_text(text, encoding="utf-8", errors="surrogatepass")
        if results is not None:
            (tmp_path / f"results_{TIME}.json").write_text(json.dumps(results))

        def rows():
            found = read_samples(tmp_path, {"s": manifest}, (), ["s"])
            model = Model(corpus="web", run="m", block="m", training_flops=1.0)
            run = Measured(model, (), (found.items,), (found.task_metrics,), flags=found.flags)
            return collect([run], "e", Collect(replicates=2, cut=0), 0)[0].to_pylist()

        return accepted_or_one_sentence(rows)

    return of


@pytest.mark.slow
@pytest.mark.parametrize("kind", [question, contexts, page])
def test_a_damaged_log_is_the_right_numbers_a_flagged_row_or_one_sentence(outcome, kind):
    chance = random.Random(kind.__name__)
    whole = [kind(number) for number in range(5)]
    usual = {row["metric"] for row in outcome(whole)}
    for _ in range(120):
        lines = list(whole)
        place = chance.randrange(len(lines))
        lines[place] = damaged(lines[place], chance)
        found = outcome(lines)
        for row in found or ():
            value = row["value"]
            assert (value is not None and math.isfinite(value)) or row["status"] != "ok", (lines[place], row)
            assert row["metric"] in usual or "lm_eval" in row["metric"] or row["status"] != "ok", row


@pytest.mark.slow
@pytest.mark.parametrize("kind", [question, contexts, page])
def test_damaged_results_beside_a_log_are_passed_over_or_one_sentence(outcome, kind):
    chance = random.Random(kind.__name__)
    results = {
        "model_name": "m",
        "configs": {"t": {"target_delimiter": " ", "output_type": "multiple_choice", "doc_to_text": "answer",
                          "metric_list": [{"metric": "acc", "aggregation": "mean"}], "gen_prefix": None}},
        "n-samples": {"t": {"original": 5, "effective": 5}},
        "chat_template": None,
    }  # fmt: skip
    for _ in range(40):
        outcome([kind(number) for number in range(5)], damaged(results, chance))


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", "{", "[]", "1", "null", '"text"', "{}"])
def test_a_file_of_no_samples_is_one_sentence_or_no_rows(outcome, text):
    assert not outcome([text])


def test_a_byte_order_mark_blank_lines_and_line_separators_change_nothing(outcome):
    lines = [json.dumps(page(number), ensure_ascii=False) for number in range(4)]
    assert outcome(["\ufeff" + lines[0], "", *lines[1:], "  "]) == outcome(lines)


def test_a_label_that_does_not_give_the_accuracy_that_was_logged_is_disputed(outcome):
    lines = [question(number) for number in range(5)]
    assert {row["status"] for row in outcome(lines)} == {"ok"}
    lines[1]["target"] = "2"  # the likeliest choice, with an accuracy of 0
    rows = [row for row in outcome(lines) if "lm_eval" not in row["metric"]]
    assert {(row["value"], row["status"]) for row in rows} == {(None, "disputed label: 1 of 5 items")}
