import json
import re
from pathlib import Path

import pytest

from relscale.errors import RelscaleError
from relscale.scoring.manifest import read_manifest
from relscale.scoring.options import Suite
from relscale.scoring.requests import read_requests
from relscale.scoring.suite import prepare_suite
from relscale.scoring.task_values import has_task_metrics

pytestmark = pytest.mark.slow  # lm-eval takes seconds to import

# Of lm-eval's tasks; the index of all reads 14,000 files.
FOLDERS = [
    *("arc", "gsm8k", "hellaswag", "humaneval", "mmlu/default", "mmmu", "piqa", "squadv2"),
    *("tinyBenchmarks", "truthfulqa", "wikitext"),
]


@pytest.fixture(scope="module")
def manager():
    import lm_eval
    from lm_eval.tasks import TaskManager

    tasks = Path(lm_eval.__file__).parent / "tasks"
    return TaskManager(include_defaults=False, include_path=[str(tasks / folder) for folder in FOLDERS])


@pytest.fixture(autouse=True)
def one_index(manager, monkeypatch):
    """lm-eval's index of tasks takes long to read; it is read once."""
    from relscale.scoring import lm_eval_tasks

    original = lm_eval_tasks.TaskManager
    monkeypatch.setattr(
        lm_eval_tasks,
        "TaskManager",
        lambda **options: original(**options) if any(options.values()) else manager,
    )


@pytest.fixture
def data(tmp_path):
    """Local copies of two data sets, in the columns of the hub's."""
    arc = [
        {
            "id": f"q{n}",
            "question": f"What is {n}?",
            "choices": {"text": ["one", "two", "three"], "label": ["A", "B", "C"]},
            "answerKey": "ABC"[n % 3],
        }
        for n in range(12)
    ]
    (tmp_path / "arc").mkdir()
    for split in ("train", "validation", "test"):
        (tmp_path / "arc" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in arc))
    wiki = [{"page": f"A page about the number {n}. " * (n + 1)} for n in range(3)]
    (tmp_path / "wiki.jsonl").write_text("".join(json.dumps(row) + "\n" for row in wiki))
    return {
        "arc_easy": str(tmp_path / "arc"),
        "arc_challenge": str(tmp_path / "arc"),
        "wikitext": str(tmp_path / "wiki.jsonl"),
    }


def prepare(tmp_path, data=None, **options):
    given = {key: data[key] for key in options.get("lm_eval", []) if data and key in data}
    manifest = prepare_suite(
        "mine", Suite.model_validate({**options, "data": given}), [], tmp_path / "out", seed=0
    )
    assert read_manifest(tmp_path / "out") == manifest
    return manifest, [request for task in read_requests(tmp_path / "out") for request in task]


def test_each_name_is_a_group_and_its_questions_are_those_that_lm_eval_asks(tmp_path, data):
    manifest, requests = prepare(tmp_path, data, lm_eval=["arc_easy", "arc_challenge"], num_fewshot=1)
    assert list(manifest.groups) == ["arc_easy", "arc_challenge"]
    assert manifest.baseline == "arc_easy"
    assert (manifest.kind, manifest.choices) == ("multiple_choice", 3)
    assert len(requests) == 2 * 12 * 3
    first = requests[:3]
    assert [request.continuation for request in first] == [" one", " two", " three"]
    assert [request.target for request in first] == [True, False, False]
    assert {request.doc_id for request in first} == {"q0"}
    assert first[0].context.endswith("Question: What is 0?\nAnswer:")
    assert first[0].context.count("Question:") == 2
    assert [request.bytes_answer for request in first] == [3, 3, 5]
    assert [request.bytes_scored for request in first] == [4, 4, 6]


def test_fewer_documents_are_asked_where_a_limit_says_so(tmp_path, data):
    assert len(prepare(tmp_path, data, lm_eval=["arc_easy"], limit=5)[1]) == 5 * 3


def test_whole_documents_are_a_rolling_suite(tmp_path, data):
    manifest, requests = prepare(tmp_path, data, lm_eval=["wikitext"])
    assert (manifest.kind, manifest.metric) == ("rolling", "bits_per_byte_document_pooled")
    assert [request.context for request in requests] == [None] * 3


def test_a_tag_that_is_the_only_name_gives_a_group_for_each_of_its_tasks(tmp_path):
    options = {"lm_eval": ["ai2_arc"]}
    manifest = prepare_suite(
        "mine", Suite.model_validate(options), [], tmp_path / "out", seed=0, requests=False
    )
    assert list(manifest.groups) == ["arc_challenge", "arc_easy"]


def test_a_group_beside_others_has_its_tasks_as_subjects(tmp_path):
    options = {"lm_eval": ["mmlu", "arc_easy"]}
    manifest = prepare_suite(
        "mine", Suite.model_validate(options), [], tmp_path / "out", seed=0, requests=False
    )
    assert list(manifest.groups) == ["mmlu", "arc_easy"]
    subjects = [place.subject for place in manifest.tasks.values() if place.group == "mmlu"]
    assert len(set(subjects)) == 57
    assert manifest.tasks["arc_easy"].subject == "arc_easy"  # so that both groups have the same metrics
    assert manifest.metric.endswith("_micro")


UNSUPPORTED = {
    "gsm8k": "generates text",
    "squadv2": "is a Python class",
    "tinyHellaswag": "needs a module that is not installed .*tinyBenchmarks",
    "mmmu_val_accounting": "generates text",
    "humaneval": "generates text",
}


def test_a_task_that_cannot_be_scored_is_excluded_with_a_message(tmp_path, data, capsys):
    manifest, requests = prepare(tmp_path, data, lm_eval=["arc_easy", *UNSUPPORTED])
    assert list(manifest.groups) == list(manifest.tasks) == ["arc_easy"]
    assert {request.task for request in requests} == {"arc_easy"}
    said = capsys.readouterr().err.splitlines()
    for task, reason in UNSUPPORTED.items():
        assert re.search(reason, manifest.left_out[task])
        (line,) = [line for line in said if f"task {task} is excluded" in line]
        assert re.search(reason, line)


def test_a_suite_of_which_no_task_is_left_is_refused(tmp_path):
    with pytest.raises(RelscaleError, match="none of its tasks can be scored; gsm8k generates text"):
        prepare_suite("mine", Suite(lm_eval=["gsm8k", "squadv2"]), [], tmp_path / "out", seed=0)
    assert not (tmp_path / "out").exists()


def test_shots_that_a_task_forbids_itself_are_not_given(tmp_path, capsys):
    rows = [{"question": f"What is {n}?", "mc1_targets": {"choices": ["a", "b"]}} for n in range(4)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {"truthfulqa_mc1": str(tmp_path / "rows.jsonl")}
    _, requests = prepare(tmp_path, given, lm_eval=["truthfulqa_mc1"], num_fewshot=2)
    assert all(request.context.count("What is 0?") <= 1 for request in requests)
    assert "num_fewshot: 0" in capsys.readouterr().err


def test_the_metrics_of_tasks_are_named_with_their_direction(tmp_path, data):
    manifest, _ = prepare(tmp_path, data, lm_eval=["arc_easy"])
    assert manifest.task_metrics == {"lm_eval_acc": "higher", "lm_eval_acc_norm": "higher"}
    manifest, _ = prepare(tmp_path, data, lm_eval=["wikitext"])
    assert set(manifest.task_metrics.values()) == {"lower"}


def test_a_suite_whose_targets_mean_nothing_shows_what_its_task_reports_and_says_so(tmp_path, capsys):
    several = {"choices": ["a", "b", "c"], "labels": [1, 1, 0]}
    rows = [{"question": f"What is {n}?", "mc2_targets": several} for n in range(4)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {"truthfulqa_mc2": str(tmp_path / "rows.jsonl")}
    manifest, _ = prepare(tmp_path, given, lm_eval=["truthfulqa_mc2"])
    assert (manifest.metric, manifest.direction, manifest.chance) == ("lm_eval_acc", "higher", None)
    assert "truthfulqa_mc2: its right answers are defined by its own code" in capsys.readouterr().err


def test_a_prepared_suite_is_a_suite_that_may_be_prepared_again(tmp_path, data):
    prepare(tmp_path, data, lm_eval=["arc_easy", "arc_challenge"], num_fewshot=1)
    again = prepare_suite("again", Suite(path=str(tmp_path / "out")), [], tmp_path / "again", seed=0)
    assert list(again.tasks) == ["arc_easy", "arc_challenge"]
    before, after = (list(read_requests(tmp_path / folder)) for folder in ("out", "again"))
    assert before == after
    assert has_task_metrics(tmp_path / "again")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lm_eval": ["helaswag"]}, "no task 'helaswag'; did you mean .*hellaswag"),
        ({"lm_eval": ["arc_easy"], "shots": 3}, "unknown option 'shots'; allowed are lm_eval, include_path"),
        ({"lm_eval": ["arc_easy"], "baseline": "piqa"}, "no group 'piqa' to use as baseline"),
        ({"lm_eval": ["arc_easy"], "data": "here"}, "data is 'here'; give a path for each task"),
        ({"lm_eval": ["arc_easy"], "data": {"piqa": "x"}}, "data for 'piqa', which is not one of its tasks"),
        (
            {"lm_eval": ["arc_easy"], "data": {"arc_easy": "nowhere"}},
            "data of arc_easy: no file or folder at .nowhere",
        ),
        ({"lm_eval": ["arc_easy", "wikitext"]}, "some of its tasks score whole documents"),
        ({"lm_eval": ["ai2_arc", "arc_easy"]}, "task arc_easy belongs to ai2_arc and to arc_easy"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line_and_leaves_nothing(tmp_path, data, options, message):
    if options["lm_eval"] == ["arc_easy", "wikitext"]:
        options = options | {"data": {key: data[key] for key in options["lm_eval"]}}
    with pytest.raises(RelscaleError, match=message) as error:
        prepare_suite("mine", Suite.model_validate(options), [], tmp_path / "out", seed=0)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_data_set_that_cannot_be_fetched_is_named_with_the_way_out(tmp_path, monkeypatch):
    import datasets

    def refuse(*_, **__):
        raise ConnectionError("Couldn't reach 'allenai/ai2_arc' on the Hub (ConnectError)")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(RelscaleError, match=r"arc_easy.*ai2_arc.*data: \{arc_easy: path\}"):
        prepare_suite("mine", Suite(lm_eval=["arc_easy"]), [], tmp_path / "out", seed=0)
