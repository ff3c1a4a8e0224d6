"""What lm-eval reports of a task, relscale measures: stock lm-eval (``--model hf``) beside relscale's whole way.

The tasks here are the odd ones of ``benchmarks/lm_eval_tasks.py``, and tasks that use what few of lm-eval's own do.
"""

import json
from functools import partial
from pathlib import Path

import lm_eval_tasks as benchmark
import pyarrow as pa
import pytest
import yaml

from relscale.measurements.collect import collect
from relscale.measurements.measurement import Model
from relscale.measurements.options import Collect
from relscale.measurements.runs import Measured
from relscale.scoring.items import ItemStatus
from relscale.scoring.job import score_job
from relscale.scoring.manifest import read_manifest
from relscale.scoring.options import Scoring, Suite
from relscale.scoring.requests import UNCONDITIONAL, read_requests
from relscale.scoring.scores import Score
from relscale.scoring.suite import prepare_suite
from relscale.scoring.task_metrics_job import add_task_metrics
from relscale.scoring.task_values import PreparedTasks, task_metrics
from relscale.storage.checked_parquet import read_parquet
from relscale.storage.entries import read_entries
from relscale.training.manifest import TrainedModel

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_survey")]

ODD = [
    *["truthfulqa_mc2", "bbq", "crows_pairs_english", "mutual"],  # rules of their own
    *["winogrande", "wsc273"],  # several contexts, one continuation
    *[
        "cb",
        "cola",
        "webqs",
        "lambada_openai",
        "wikitext",
    ],  # F1, correlation, several right answers, perplexities
]


@pytest.fixture(scope="module")
def model(make_checkpoint, tmp_path_factory):
    """Long enough for solved examples."""
    return make_checkpoint(tmp_path_factory.mktemp("model"), spread=0.3, context=256)


@pytest.fixture(scope="module")
def index_of():
    """lm-eval's index, of some of its folders: all of them take seconds to read."""
    from relscale.scoring.lm_eval_tasks import TaskManager

    def index(folders, paths):
        return TaskManager(include_defaults=False, include_path=[str(folders / path) for path in paths])

    return index


def restrict(monkeypatch, manager):
    """Have a suite of named tasks find those of ``manager``, and no others."""
    from relscale.scoring import lm_eval_tasks

    original = lm_eval_tasks.TaskManager
    monkeypatch.setattr(
        lm_eval_tasks,
        "TaskManager",
        lambda **options: original(**options) if any(options.values()) else manager,
    )


@pytest.fixture(scope="module")
def compared(index_of, model, tmp_path_factory):
    tasks = {name: benchmark.TASKS[name] for name in ODD}
    folders = {str(Path(sample.path).parent) for sample in tasks.values()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "ASKED", 8)
        restrict(patch, index_of(benchmark.lm_eval_tasks(), folders))
        return benchmark.compare(tasks, model, tmp_path_factory.mktemp("compared"))


@pytest.mark.parametrize("task", ODD)
def test_every_metric_that_lm_eval_reports_is_measured(compared, task):
    rows = [row for row in compared if row.task == task]
    assert rows
    for row in rows:
        assert row.difference <= benchmark.TOLERANCE, row


def test_accuracy_is_given_where_it_is_lm_evals_and_nowhere_else(compared):
    accurate = {row.task for row in compared if row.metric == "accuracy"}
    assert {"winogrande", "wsc273", "cb", "lambada_openai"} <= accurate
    # Shares of probability, ranks, several ways to say that one does not know: a single target is none of these.
    assert not accurate & {"truthfulqa_mc2", "mutual", "bbq"}


QUESTIONS = [
    {
        "question": f"What is {word}?",
        "choices": [f"{word} é", f"a {word * 2}", "none of it"][: 2 + number % 2],
        "gold": number % 2,
        "right": [0, 1] if number % 3 else [1],
        "likes": f"the {word}",
    }
    for number, word in enumerate(["stone", "water", "light", "paper", "glass", "metal", "cloth", "sugar"])
]
PLAIN = {
    "output_type": "multiple_choice",
    "test_split": "test",
    "training_split": "train",
    "doc_to_text": "{{question}}",
    "doc_to_choice": "{{choices}}",
    "doc_to_target": "gold",
}


def metric(name, aggregation="mean", higher=True):
    return {"metric": name, "aggregation": aggregation, "higher_is_better": higher}


FEATURES = {
    "mutual_information": {
        **PLAIN,
        "metric_list": [
            metric(name) for name in ("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match")
        ],
    },
    "several_right": {
        **PLAIN,
        "doc_to_target": "right",
        "metric_list": [metric("acc"), metric("exact_match")],
    },
    "text_target": {**PLAIN, "doc_to_target": "{{choices[gold]}}", "metric_list": [metric("acc")]},
    "brier": {
        **PLAIN,
        "doc_to_choice": "{{choices[:2]}}",
        "metric_list": [metric("brier_score", "brier_score", False), metric("mcc", "matthews_corrcoef")],
    },
    "median": {**PLAIN, "metric_list": [metric("acc", "median"), metric("acc_norm", "nanmean")]},
    "filtered": {
        **PLAIN,
        "repeats": 3,
        "filter_list": [{"name": "first", "filter": [{"function": "take_first"}]}],
        "metric_list": [metric("acc")],
    },
    "dressed": {
        **PLAIN,
        "description": "Answer them all.\n",
        "gen_prefix": "So:",
        "target_delimiter": " -> ",
        "fewshot_delimiter": "\n---\n",
        "num_fewshot": 2,
        "fewshot_config": {"sampler": "first_n"},
        "metric_list": [metric("acc"), metric("acc_norm")],
    },
    "drawn": {**PLAIN, "num_fewshot": 3, "metric_list": [metric("acc")]},
    "likelihood": {
        "output_type": "loglikelihood",
        "test_split": "test",
        "doc_to_text": "{{question}}",
        "doc_to_target": " {{likes}}",
        "metric_list": [metric("perplexity", "perplexity", False), metric("acc")],
    },
    "validated": {
        **{key: value for key, value in PLAIN.items() if key != "test_split"},
        "validation_split": "test",
        "metric_list": [metric("acc")],
    },
}


@pytest.fixture(scope="module")
def own_suite(tmp_path_factory):
    """A suite of tasks of a user's own, with two groups; one of the groups is one of lm-eval's too."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "tasks").mkdir()
    files = {}
    for split, rows in {
        "test": QUESTIONS,
        "train": [{**q, "question": "Why? " + q["likes"]} for q in QUESTIONS],
    }.items():
        files[split] = str(folder / f"{split}.jsonl")
        Path(files[split]).write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, settings in FEATURES.items():
        own = {"task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": files}, **settings}
        (folder / "tasks" / f"{name}.yaml").write_text(yaml.safe_dump(own))
    described = {
        **{
            "title": "Own",
            "description": "Tasks.",
            "kind": "multiple_choice",
            "metric": "accuracy",
            "direction": "higher",
        },
        "baseline": "median",
        "groups": {name: {"label": name} for name in FEATURES},
        "tasks": {name: {"group": name} for name in FEATURES},
    }
    (folder / "suite.yaml").write_text(yaml.safe_dump(described))
    return folder


def collected(folder, suite, model, prepared):
    """The measurements of one model on a prepared suite, by group and metric, and the replicates alike."""
    run = TrainedModel(name="tiny", key="tiny", path=str(model), status="ok")
    score_job([run], [prepared], folder / "store", Scoring(threads=1), folder / "scores.json")
    add_task_metrics(folder / "scores.json", [prepared], folder / "store")
    (entry,) = read_entries(folder / "scores.json", Score)
    model = Measured(Model(corpus="any", run="tiny", block="tiny"), (), (entry.items,), (entry.task_metrics,))
    table, pieces, _ = collect([model], "test", Collect(replicates=10, cut=0), 0, {suite: prepared})
    replicates: dict[tuple[str, str, str], list[float]] = {}
    for piece in pieces:
        for row in piece.to_pylist():
            replicates.setdefault((row["prompt"], row["group"], row["metric"]), []).append(row["value"])
    return {(row["prompt"], row["group"], row["metric"]): row for row in table.to_pylist()}, replicates


def measured(folder, suite, model, prepared):
    """The measurements alone."""
    return collected(folder, suite, model, prepared)[0]


@pytest.fixture(scope="module")
def own_measurements(own_suite, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured")
    prepare_suite("own", Suite(path=str(own_suite)), [], folder / "own", seed=0)
    return folder, *collected(folder, "own", model, folder / "own")


@pytest.fixture(scope="module")
def own_stock(own_suite, model):
    from relscale.scoring.lm_eval_tasks import TaskManager

    manager = TaskManager(include_defaults=False, include_path=str(own_suite / "tasks"))
    return benchmark.evaluate(list(FEATURES), manager, model)


@pytest.mark.parametrize("task", FEATURES)
def test_what_a_task_may_say_counts_as_in_lm_eval(own_measurements, own_stock, task):
    _, found, _ = own_measurements
    assert own_stock[task]
    for name, value in own_stock[task].items():
        assert found["default", task, f"lm_eval_{name}"]["value"] == pytest.approx(value, rel=1e-6, abs=1e-6)
        assert found["default", task, f"lm_eval_{name}"]["status"] == "ok"


def test_answers_that_mutual_information_asks_for_alone_are_a_prompt_of_their_own(own_measurements):
    folder, found, _ = own_measurements
    requests = next(task for task in read_requests(folder / "own") if task[0].task == "mutual_information")
    alone = [request for request in requests if request.prompt == UNCONDITIONAL]
    assert len(alone) == len(requests) / 2
    assert {request.context for request in alone} == {""}
    assert ("default", "mutual_information", "accuracy") in found
    assert (UNCONDITIONAL, "mutual_information", "accuracy") in found


def test_a_mean_has_the_standard_error_of_its_documents(own_measurements):
    _, found, _ = own_measurements
    for task in ("text_target", "several_right"):
        own, known = (found["default", task, name] for name in ("lm_eval_acc", "accuracy"))
        assert own["value"] == known["value"]
        assert own["stderr"] == pytest.approx(known["stderr"])


def test_it_has_the_replicates_of_its_items(own_measurements):
    _, _, replicates = own_measurements
    for task in ("text_target", "several_right"):
        rate = [1 - value for value in replicates["default", task, "error_rate"]]
        assert replicates["default", task, "lm_eval_acc"] == pytest.approx(rate)


def test_values_of_documents_lie_beside_the_items_and_need_no_model(own_measurements):
    folder, *_ = own_measurements
    (entry,) = read_entries(folder / "scores.json", Score)
    values = read_parquet(entry.task_metrics)
    drawn = [row for row in values.to_pylist() if row["task"] == "drawn"]
    assert [json.loads(row["value"]) in (0.0, 1.0) for row in drawn] == [True] * len(QUESTIONS)
    assert len({row["doc_id"] for row in drawn}) == len(QUESTIONS)


def test_a_suite_of_a_users_own_data_may_have_a_task_with_rules_of_its_own(model, tmp_path):
    folder = tmp_path / "suite"
    (folder / "data").mkdir(parents=True)
    for name, first in (("one", 0), ("other", 4)):
        rows = [
            {
                "question": f"{QUESTIONS[n % 8]['question']} {first}",
                "sent_more": f"a {n}",
                "sent_less": f"the {n}",
            }
            for n in range(first, first + 12)
        ]
        (folder / "data" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "task.yaml").write_text(
        "output_type: multiple_choice\ntest_split: test\ndoc_to_text: '{{question}}'\ndoc_to_target: 0\n"
        "doc_to_choice: '{{[sent_more, sent_less]}}'\n"
        "process_results: !function lm_eval.tasks.crows_pairs.utils.process_results\n"
        "metric_list: [{metric: likelihood_diff, aggregation: mean, higher_is_better: false}]\n"
    )
    described = {
        **{
            "title": "Own",
            "description": "Pairs.",
            "kind": "multiple_choice",
            "metric": "accuracy",
            "direction": "higher",
        },
        **{"baseline": "one", "groups": {name: {"label": name} for name in ("one", "other")}},
    }
    (folder / "suite.yaml").write_text(yaml.safe_dump(described))
    prepare_suite("own", Suite(path=str(folder)), [], tmp_path / "own", seed=0)
    found = measured(tmp_path, "own", model, tmp_path / "own")
    (entry,) = read_entries(tmp_path / "scores.json", Score)
    logprobs = [row["logprob"] for row in read_parquet(entry.items).to_pylist() if row["group"] == "one"]
    pairs = zip(logprobs[::2], logprobs[1::2], strict=True)
    expected = sum(abs(more - less) for more, less in pairs) / (len(logprobs) / 2)
    assert found["default", "one", "lm_eval_likelihood_diff"]["value"] == pytest.approx(expected)


def test_a_model_without_numbers_has_none_of_lm_evals_either(own_measurements):
    folder, *_ = own_measurements
    (entry,) = read_entries(folder / "scores.json", Score)
    items = read_parquet(entry.items)
    for name, value in (("logprob", float("nan")), ("status", str(ItemStatus.NO_NUMBER))):
        field = items.schema.field(name)
        items = items.set_column(
            items.schema.get_field_index(name), field, pa.array([value] * items.num_rows, field.type)
        )
    prepared = folder / "own"
    values = task_metrics(PreparedTasks(prepared, read_manifest(prepared)), "own", items)
    run = Measured(Model(corpus="any", run="tiny", block="tiny"), (), (items,), (values,))
    table, *_ = collect([run], "test", Collect(replicates=10, cut=0), 0, {"own": prepared})
    reported = [row for row in table.to_pylist() if row["metric"].startswith("lm_eval_")]
    assert {row["group"] for row in reported} == set(FEATURES)
    assert all(row["value"] is None and row["status"].startswith("no number") for row in reported)


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    """A group of two tasks of different sizes, which says things of them, and one task beside it."""
    folder = tmp_path_factory.mktemp("group")
    for name, rows in {"small": QUESTIONS[:3], "large": QUESTIONS, "beside": QUESTIONS[2:]}.items():
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        own = {
            **PLAIN,
            "task": name,
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(path), "train": str(path)}},
            "metric_list": [metric("acc"), metric("acc_norm")],
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(own))
    inner = {
        "group": "inner",
        "task": ["small"],
        "description": "Of the inner group.\n",
        "target_delimiter": " : ",
    }
    outer = {
        "group": "outer",
        "task": ["inner", {"task": "large", "description": "Of the member.\n"}],
        "description": "Of the outer group.\n",
        "aggregate_metric_list": [
            {"metric": "acc", "weight_by_size": True},
            {"metric": "acc_norm", "weight_by_size": False},
        ],
    }
    for each in (inner, outer):
        (folder / f"{each['group']}.yaml").write_text(yaml.safe_dump(each))
    return folder


def test_a_group_is_aggregated_as_lm_eval_does_with_size_and_without(group, model, tmp_path, monkeypatch):
    from relscale.scoring.lm_eval_tasks import TaskManager

    manager = TaskManager(include_defaults=False, include_path=str(group))
    stock = benchmark.evaluate(["outer", "beside"], manager, model)
    # lm-eval's own tasks, which take seconds to read, are left out.
    monkeypatch.setattr(
        "relscale.scoring.lm_eval_tasks.TaskManager", partial(TaskManager, include_defaults=False)
    )
    monkeypatch.chdir(group.parent)
    own = Suite(lm_eval=["outer", "beside"], include_path=group.name)
    prepare_suite("mine", own, [], tmp_path / "mine", seed=0)
    found = measured(tmp_path, "mine", model, tmp_path / "mine")
    assert found["default", "outer", "lm_eval_acc_micro"]["value"] == pytest.approx(stock["outer"]["acc"])
    assert found["default", "outer", "lm_eval_acc_norm_macro"]["value"] == pytest.approx(
        stock["outer"]["acc_norm"]
    )
    for name in ("lm_eval_acc_micro", "lm_eval_acc_macro"):
        assert found["default", "beside", name]["value"] == pytest.approx(stock["beside"]["acc"])
    metrics = {group: {m for _, of, m in found if of == group} for group in ("outer", "beside")}
    assert metrics["outer"] == metrics["beside"]  # otherwise there is no gap between the two
    contexts = {task[0].task: task[0].context for task in read_requests(tmp_path / "mine")}
    for name, task in manager.load(["outer"])["tasks"].items():
        task.build_all_requests()
        assert contexts[name] == task.instances[0].args[0]
