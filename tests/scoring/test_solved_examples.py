"""No prompt holds the question that it asks among its solved examples, wherever those come from."""

import json

import pytest
import yaml

from relscale.errors import RelscaleError
from relscale.scoring.options import Suite
from relscale.scoring.requests import read_requests
from relscale.scoring.suite import prepare_suite

WORDS = ["stone", "water", "light", "paper", "glass", "metal"]
ROWS = [
    {"question": f"What is {word}?", "choices": [word, "air"], "gold": n % 2} for n, word in enumerate(WORDS)
]
TWICE = [{**row, "id": f"{n}"} for n, row in enumerate(ROWS + ROWS)]  # every question under two ids
TASK = {
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}",
    "doc_to_choice": "{{choices}}",
    "doc_to_target": "gold",
    "num_fewshot": 3,
}
SENTENCES = [
    {"sentence": f"The {word} broke since _ was old.", "option1": "it", "option2": word, "answer": 1 + n % 2}
    for n, word in enumerate(WORDS)
]
CONTEXTS = {  # several contexts, one continuation
    "output_type": "multiple_choice",
    "doc_to_text": "{{answer - 1}}",
    "doc_to_choice": "{{[sentence.split('_')[0] + option1, sentence.split('_')[0] + option2]}}",
    "doc_to_target": "{{sentence.split('_')[1].strip()}}",
    "num_fewshot": 2,
}


def requests_of(folder, settings, **files):
    """The requests of one task, of which each split is a file."""
    (folder / "suite" / "tasks").mkdir(parents=True)
    paths = {}
    for split, rows in files.items():
        paths[split] = str(folder / f"{split}.jsonl")
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {"task": "asked", "dataset_path": "json", "dataset_kwargs": {"data_files": paths}, **settings}
    (folder / "suite" / "tasks" / "asked.yaml").write_text(yaml.safe_dump(task))
    described = {
        **{
            "title": "Own",
            "description": "Tasks.",
            "kind": "multiple_choice",
            "metric": "accuracy",
            "direction": "higher",
        },
        **{"baseline": "all", "groups": {"all": {"label": "all"}}, "tasks": {"asked": {"group": "all"}}},
    }
    (folder / "suite" / "suite.yaml").write_text(yaml.safe_dump(described))
    prepare_suite("own", Suite(path=str(folder / "suite")), [], folder / "out", seed=0)
    return [request for task in read_requests(folder / "out") for request in task]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["default", "first_n"])
@pytest.mark.parametrize(
    "splits",
    [
        {"test_split": "test"},
        {"test_split": "test", "fewshot_split": "test"},
        {"validation_split": "test"},
        {"validation_split": "test", "fewshot_split": "test"},
        {"training_split": "test", "test_split": "test"},
    ],
    ids=lambda splits: " ".join(splits),
)
@pytest.mark.parametrize("rows", [ROWS, TWICE], ids=["once", "under two ids"])
def test_a_question_is_no_example_of_itself(tmp_path, splits, sampler, rows):
    requests = requests_of(tmp_path, {**TASK, **splits, "fewshot_config": {"sampler": sampler}}, test=rows)
    assert len(requests) == 2 * len(rows)
    for request in requests:
        asked = request.context.rpartition("\n\n")[2]
        assert request.context.count(asked) == 1
        assert request.context.count("What is") == 4


def test_nor_where_it_is_the_context_that_is_chosen(tmp_path):
    requests = requests_of(
        tmp_path, {**CONTEXTS, "test_split": "test", "training_split": "test"}, test=SENTENCES
    )
    for request in requests:
        *examples, asked = request.context.split("\n\n")
        assert len(examples) == 2
        assert not any(example.startswith(asked.rpartition(" ")[0]) for example in examples)


def test_nor_where_the_split_of_the_examples_holds_it_too(tmp_path):
    settings = {**TASK, "test_split": "test", "training_split": "train"}
    other = [{"question": f"Why {word}?", "choices": ["so", "thus"], "gold": 0} for word in WORDS]
    requests = requests_of(tmp_path, settings, test=ROWS, train=[*ROWS, *other])
    for request in requests:
        assert request.context.count(request.context.rpartition("\n\n")[2]) == 1


def test_a_data_set_with_a_question_in_two_splits_is_asked_as_lm_eval_asks_it_and_said(tmp_path, capsys):
    settings = {
        **TASK,
        "test_split": "test",
        "training_split": "train",
        "fewshot_config": {"sampler": "first_n"},
    }
    requests = requests_of(tmp_path, settings, test=ROWS, train=ROWS[:3])
    assert [request.context.count("What is stone?") for request in requests[:2]] == [2, 2]
    assert "3 documents of the task 'asked' are among their own few-shot examples" in capsys.readouterr().err


def test_prompts_of_splits_that_are_apart_are_lm_evals_to_the_letter(tmp_path):
    from lm_eval.tasks import TaskManager

    settings = {**TASK, "test_split": "test", "training_split": "train"}
    other = [{"question": f"Why {word}?", "choices": ["so", "thus"], "gold": 0} for word in WORDS]
    requests = requests_of(tmp_path, settings, test=ROWS, train=other)
    manager = TaskManager(include_defaults=False, include_path=str(tmp_path / "suite" / "tasks"))
    task = manager.load("asked")["tasks"]["asked"]
    task.set_fewshot_seed(1234)
    task.build_all_requests()
    assert [request.context for request in requests] == [instance.args[0] for instance in task.instances]


@pytest.mark.parametrize("rows", [ROWS[:3], ROWS[:2]], ids=["as many as shots", "fewer"])
def test_where_no_other_example_is_left_the_task_is_refused(tmp_path, rows):
    settings = {**TASK, "test_split": "test", "training_split": "test"}
    with pytest.raises(RelscaleError, match="num_fewshot") as error:
        requests_of(tmp_path, settings, test=rows)
    assert "\n" not in str(error.value)


def test_equal_answers_to_no_question_are_different_documents(tmp_path, capsys):
    rows = [{"text": f"{word} {n % 2}", "label": n % 2} for n, word in enumerate(WORDS)]
    settings = {
        "output_type": "loglikelihood",
        "doc_to_text": "",
        "doc_to_target": "{{label}}",
        "num_fewshot": 2,
    }
    splits = {"test_split": "test", "training_split": "train"}
    requests = requests_of(tmp_path, {**settings, **splits}, test=rows[:3], train=rows[3:])
    assert len(requests) == 3
    assert "few-shot" not in capsys.readouterr().err
