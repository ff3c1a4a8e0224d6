"""What lm-eval logged, line by line, into items. (That the numbers are those of scoring: tests/workflow.)"""

import gzip
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


def test_samples_may_be_packed_renamed_or_of_a_system_with_other_line_ends(tmp_path, log):
    log("colours", NEW, sample())
    (written,) = (tmp_path / "model").iterdir()
    expected, content = read_samples(tmp_path, suites("colours")).items, written.read_bytes()
    written.unlink()
    for name, changed in {
        "samples_colours.jsonl": content,
        f"samples_colours_{NEW}.jsonl.gz": gzip.compress(content),
        f"samples_colours_{NEW.replace('-00', ':00')}.jsonl": content.replace(b"\n", b"\r\n"),
    }.items():
        file = tmp_path / "model" / name
        file.write_bytes(changed)
        assert read_samples(tmp_path, suites("colours")).items == expected
        file.unlink()


def test_tasks_of_no_suite_and_suites_without_all_their_tasks_are_said(tmp_path, log, capsys):
    log("colours", NEW, sample())
    log("shapes", NEW, sample())
    assert read_samples(tmp_path, suites("colours", "tones")).items.num_rows == 2
    told = capsys.readouterr().err
    assert "samples of 1 of the 2 tasks of suite colours" in told
    assert "tasks without a suite, excluded: shapes" in told


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON"),
        (sample() | {"arguments": [["Say it", {"until": ["."]}]]}, "line 2: .*its task generates text"),
        ({"doc": {}}, "line 2: not a sample of scored text"),
    ],
)
def test_a_line_that_is_not_a_sample_is_named(tmp_path, log, line, message):
    log("colours", NEW, sample(), line)
    with pytest.raises(RelscaleError, match=message) as error:
        read_samples(tmp_path, suites("colours"))
    assert "\n" not in str(error.value)


def test_a_folder_without_samples_says_how_to_make_them(tmp_path):
    with pytest.raises(
        RelscaleError, match=r"no samples_.*jsonl found; write them with lm_eval --log_samples"
    ):
        read_samples(tmp_path, suites("colours"))


def test_below_an_output_root_every_run_has_its_own_numbers(tmp_path, log):
    for model, numbers in (("org__small", (-3.0, -4.0)), ("org__large", (-1.0, -2.0))):
        log("colours", NEW, sample(logprobs=numbers))
        (tmp_path / "model").rename(tmp_path / model)
    found = {
        name: read_samples(tmp_path, suites("colours"), (name,)).items["logprob"].to_pylist()
        for name in ("small", "org/large")
    }
    assert found == {"small": [-3.0, -4.0], "org/large": [-1.0, -2.0]}
    with pytest.raises(RelscaleError, match="samples of 2 models"):
        read_samples(tmp_path, suites("colours"))


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "5.0", "1e-9"])
def test_a_log_probability_that_cannot_be_is_flagged(tmp_path, log, number):
    log("colours", NEW, sample(logprobs=(-1.0, number)))
    assert read_samples(tmp_path, suites("colours")).items["status"].to_pylist() == ["ok", "no number"]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (-1, "unlabelled"),
        ("-1", "unlabelled"),
        ("", "unlabelled"),
        (None, "unlabelled"),
        ("None", "unlabelled"),
        (2, "label outside the choices"),
        ("-2", "label outside the choices"),
        ("green", "label outside the choices"),
        ("blue", "label outside the choices"),  # lm-eval finds " blue" alone among the choices
        ("[0, 2]", "label outside the choices"),
    ],
)
def test_a_label_that_names_no_choice_is_flagged(tmp_path, log, target, status):
    log("colours", NEW, sample() | {"target": target})
    items = read_samples(tmp_path, suites("colours")).items
    assert set(items["status"].to_pylist()) == {status}


def test_a_document_that_a_log_has_twice_is_flagged_the_second_time(tmp_path, log):
    log("colours", NEW, sample(), sample(doc_id=1, doc={**sample()["doc"], "id": "q2"}), sample())
    items = read_samples(tmp_path, suites("colours")).items
    assert items["status"].to_pylist() == ["ok", "ok", "ok", "ok", "repeated", "repeated"]


def test_lines_of_further_filters_are_no_further_documents(tmp_path, log):
    log("colours", NEW, *(sample(filter=name) for name in ("none", "lower case")))
    assert read_samples(tmp_path, suites("colours")).items["status"].to_pylist() == ["ok", "ok"]


def test_fewer_lines_than_the_results_count_is_a_log_that_was_cut(tmp_path, log, capsys):
    log("colours", NEW, sample())
    results = {"n-samples": {"colours": {"original": 9, "effective": 4}}}
    (tmp_path / "model" / f"results_{NEW}.json").write_text(json.dumps(results))
    flags = read_samples(tmp_path, suites("colours")).flags
    assert flags == {("colours", "cloze", "one"): ("incomplete: 1 of 4 items",)}
    assert "4 of the task's 9 documents were scored" in capsys.readouterr().err


def test_a_delimiter_that_nothing_tells_is_said_to_be_assumed(tmp_path, log, capsys):
    letters = {f"gen_args_{n}": {"arg_0": "Which?", "arg_1": f" {letter}"} for n, letter in enumerate("AB")}
    log("colours", NEW, sample() | {"arguments": letters})
    rows = read_samples(tmp_path, suites("colours")).items.to_pylist()
    assert [row["bytes_answer"] for row in rows] == [1, 1]
    assert "a single space is assumed" in capsys.readouterr().err
