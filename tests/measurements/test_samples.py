"""What lm-eval logged, line by line, into items. (That the numbers are those of scoring: tests/workflow.)"""

import json

import pytest

from relscale.errors import RelscaleError
from relscale.measurements.samples import read_samples
from relscale.scoring.manifest import Group, Manifest, Task

OLD, NEW = "2026-01-01T00-00-00.000001", "2026-02-01T00-00-00.000001"


def sample(target=1, logprobs=(-1.0, -2.5), **changes):
    """A question of two choices as lm-eval 0.4 writes it."""
    choices = ["red", " blue"]  # the second has a space of its own beside the delimiter
    logged = {
        "doc_id": 0,
        "doc": {"id": "q1", "question": "Which?", "choices": choices},
        "target": str(target),
        "arguments": {
            f"gen_args_{n}": {"arg_0": "Which?\nAnswer:", "arg_1": f" {choice}"}
            for n, choice in enumerate(choices)
        },
        "resps": [[[str(logprob), "False"]] for logprob in logprobs],
    }
    return logged | changes


@pytest.fixture
def log(tmp_path):
    def write(task, time, *samples):
        folder = tmp_path / "model"
        folder.mkdir(exist_ok=True)
        lines = [each if isinstance(each, str) else json.dumps(each) for each in samples]
        (folder / f"samples_{task}_{time}.jsonl").write_text("\n".join(lines) + "\n")

    return write


def suites(*tasks):
    manifest = Manifest(
        "Colours", "", "multiple_choice", "brier", "lower", "one", groups={"one": Group("One")},
        tasks={task: Task("one", "cloze", "hue") for task in tasks},
    )  # fmt: skip
    return {"colours": manifest}


def test_a_question_is_a_row_for_each_choice_with_both_byte_counts(tmp_path, log):
    log("colours", NEW, sample())
    rows = read_samples(tmp_path, suites("colours")).items.to_pylist()
    expected = {"suite": "colours", "prompt": "cloze", "group": "one", "subject": "hue", "doc_id": "q1"}
    assert all(row[key] == value for row in rows for key, value in expected.items())
    assert [(row["choice"], row["target"], row["logprob"]) for row in rows] == [
        (0, False, -1.0),
        (1, True, -2.5),
    ]
    assert [(row["bytes_answer"], row["bytes_scored"]) for row in rows] == [(3, 4), (5, 6)]
    assert {row["tokens"] for row in rows} == {None}


@pytest.mark.parametrize("target", [1, "1", " blue", "[1]"])
def test_the_right_answer_may_be_a_number_or_a_text(tmp_path, log, target):
    log("colours", NEW, sample() | {"target": target})
    assert read_samples(tmp_path, suites("colours")).items["target"].to_pylist() == [False, True]


def test_choices_that_were_asked_without_their_context_too_stand_under_a_prompt_of_their_own(tmp_path, log):
    both = sample()
    both["arguments"] |= {
        f"gen_args_{n + 2}": {"arg_0": "", "arg_1": each["arg_1"]}
        for n, each in enumerate(list(both["arguments"].values()))
    }
    both["resps"] += [[["-7.0", "False"]], [["-8.0", "False"]]]
    log("colours", NEW, both)
    rows = read_samples(tmp_path, suites("colours")).items.to_pylist()
    assert [(row["prompt"], row["choice"], row["logprob"]) for row in rows] == [
        ("cloze", 0, -1.0),
        ("cloze", 1, -2.5),
        ("unconditional", 0, -7.0),
        ("unconditional", 1, -8.0),
    ]


def test_a_whole_document_is_one_row(tmp_path, log):
    log("pages", NEW, {
        "doc": {"id": "p", "page": "Größe"}, "target": "Größe", "arguments": [["Größe"]], "resps": [["-12.5"]]
    })  # fmt: skip
    (row,) = read_samples(tmp_path, suites("pages")).items.to_pylist()
    assert (row["logprob"], row["bytes_answer"], row["bytes_scored"], row["greedy"]) == (-12.5, 7, 7, None)


def test_the_newest_file_of_a_task_counts(tmp_path, log):
    log("colours", NEW, sample(logprobs=(-3.0, -4.0)))
    log("colours", OLD, sample())
    assert read_samples(tmp_path, suites("colours")).items["logprob"].to_pylist() == [-3.0, -4.0]


def test_tasks_of_no_suite_and_suites_without_all_their_tasks_are_said(tmp_path, log, capsys):
    log("colours", NEW, sample())
    log("shapes", NEW, sample())
    assert read_samples(tmp_path, suites("colours", "tones")).items.num_rows == 2
    told = capsys.readouterr().err
    assert "samples of 1 of the 2 tasks of suite colours" in told
    assert "left out, tasks of no suite: shapes" in told


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON"),
        (sample() | {"arguments": [["Say it", {"until": ["."]}]]}, "line 2: .*its task generates text"),
        ({"doc": {}}, "line 2: not a sample of scored text"),
    ],
)
def test_a_line_that_is_no_sample_is_named(tmp_path, log, line, message):
    log("colours", NEW, sample(), line)
    with pytest.raises(RelscaleError, match=message) as error:
        read_samples(tmp_path, suites("colours"))
    assert "\n" not in str(error.value)


def test_a_folder_without_samples_says_how_to_make_them(tmp_path):
    with pytest.raises(RelscaleError, match=r"no samples_.*jsonl there; log them with lm_eval --log_samples"):
        read_samples(tmp_path, suites("colours"))
