"""Scoring a model here, and reading what lm-eval logged of it, give the same measurements."""

import json
import logging

import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml

from relscale.measurements.collect import collect
from relscale.measurements.measurement import Model
from relscale.measurements.options import Collect
from relscale.measurements.runs import Measured
from relscale.measurements.samples import read_samples
from relscale.scoring.manifest import read_manifest
from relscale.scoring.options import Suite
from relscale.scoring.requests import read_requests
from relscale.scoring.score import score_requests
from relscale.scoring.suite import prepare_suite
from relscale.scoring.suite_description import SUITES, available_suites
from relscale.scoring.task_values import PreparedTasks, has_task_metrics, task_metrics

MODEL = Model(
    corpus="web", run="m", seed=0, step=1, block="m", budget=1e9, training_flops=3e9, params=10, tokens=10
)


@pytest.fixture(scope="module")
def model(tmp_path_factory, make_checkpoint):
    return make_checkpoint(tmp_path_factory.mktemp("model"), spread=0.1, context=1024)


@pytest.fixture(scope="module")
def engine(model):
    from relscale.scoring.engine import Engine

    return Engine(str(model), dtype="float32")


@pytest.fixture(scope="module")
def logged(engine, model, no_survey):
    """A function that lets lm-eval evaluate and log the tasks of a prepared suite.

    The model computes as it does here, so that what differs is the doors' doing; that lm-eval's own model has the same
    numbers, as far as float32 goes, is tested with the engine.
    """
    import lm_eval
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    import relscale.scoring.local_data  # noqa: F401

    logging.getLogger("lm_eval").setLevel(logging.ERROR)

    def log(suite, folder):
        manager = TaskManager(include_defaults=False, include_path=str(suite / "tasks"))
        names = list(read_manifest(suite).tasks)
        found = lm_eval.simple_evaluate(
            engine, tasks=names, task_manager=manager, log_samples=True, bootstrap_iters=0
        )
        tracker = EvaluationTracker(output_path=str(folder))
        tracker.general_config_tracker.log_experiment_args("hf", f"pretrained={model}", None, None, None)
        samples = found.pop("samples")
        tracker.save_results_aggregated(found, samples=samples)
        for name, own in samples.items():
            tracker.save_results_samples(name, own)
        return folder

    return log


def scored(engine, suite, name):
    """The measurements of scoring here."""
    manifest = read_manifest(suite)
    tables = [
        score_requests(engine, name, asked, manifest.windows(asked[0].prompt))
        for asked in read_requests(suite)
    ]
    items = pa.concat_tables(tables)
    own = (task_metrics(PreparedTasks(suite, manifest), name, items),) if has_task_metrics(suite) else ()
    return measured(Measured(MODEL, (), (items,), own), suite, name)


def read(folder, suite, name):
    """The measurements of what was logged."""
    found = read_samples(folder, {name: read_manifest(suite)}, (), [name] if has_task_metrics(suite) else ())
    run = Measured(MODEL, (), (found.items,), (found.task_metrics,), flags=found.flags, prepared=False)
    return measured(run, suite, name)


def measured(run, suite, name):
    table, pieces, _ = collect([run], "doors", Collect(replicates=20, cut=0), 0, {name: suite})
    replicates = [row for piece in pieces for row in piece.to_pylist()]
    return table.to_pylist(), replicates


def assert_equal(ours, theirs):
    """All columns are the same; numbers as far as two ways of adding up floats agree."""
    numbers = ("value", "stderr", "stderr_items")
    for own, other in zip(ours, theirs, strict=True):
        assert len(own) == len(other) > 0
        for mine, its in zip(own, other, strict=True):
            assert {**mine, **dict.fromkeys(numbers)} == {**its, **dict.fromkeys(numbers)}
            for column in numbers:
                known = mine.get(column) is not None
                assert known == (its.get(column) is not None), mine
                assert not known or mine[column] == pytest.approx(its[column], rel=1e-6, abs=1e-6), mine


ROWS = [
    {
        "id": f"q{n}",
        "question": f"Which is number {n}",
        "choices": [f"the {word} {n}" for word in ("matrix", "table of values", "graph")],
        "spaced": [f" ({letter})" for letter in "ABC"],
        "answer": n % 3,
        "text": f"the {('matrix', 'table of values', 'graph')[n % 3]} {n}",
        "truth": n % 2 == 0,
        "parity": n % 2,
        "number": str(n % 3 + 1),
        "letter": "ABC"[n % 3],
        "several": [n % 3, (n + 1) % 3],
        "hidden": -1 if n == 5 else n % 3,
        "beyond": 7 if n == 5 else n % 3,
        "word": f" rows{n}",
        "page": f"Return the table.\n\nThe color of row {n} is “größer” than\u2028{'any ' * n}value.\n",
    }
    for n in range(12)
]
CHOICE = {"output_type": "multiple_choice", "doc_to_text": "question", "doc_to_target": "answer"}
KINDS = {
    "default delimiter": CHOICE | {"doc_to_choice": "choices"},
    "no delimiter": CHOICE | {"doc_to_choice": "spaced", "target_delimiter": ""},
    "delimiter of two lines": CHOICE | {"doc_to_choice": "choices", "target_delimiter": "\n\n"},
    "a delimiter that is a word": CHOICE | {"doc_to_choice": "choices", "target_delimiter": " is: "},
    "spaces of their own": CHOICE
    | {
        "doc_to_choice": "{{[' ' + choices[0], ' ' + choices[1], ' ' + choices[2]]}}",
        "doc_to_target": "{{' ' + choices[answer]}}",
    },
    "letters": CHOICE | {"doc_to_choice": ["A", "B", "C"]},
    "label as text": CHOICE | {"doc_to_choice": "choices", "doc_to_target": "text"},
    "label as letter": CHOICE | {"doc_to_choice": ["A", "B", "C"], "doc_to_target": "letter"},
    "label as truth": CHOICE | {"doc_to_choice": ["no", "yes"], "doc_to_target": "truth"},
    "choices that are numbers": CHOICE | {"doc_to_choice": ["2", "1", "3"], "doc_to_target": "number"},
    "places of choices that are numbers": CHOICE | {"doc_to_choice": ["2", "1", "0"]},
    "several labels": CHOICE | {"doc_to_choice": "choices", "doc_to_target": "several"},
    "a hidden label": CHOICE | {"doc_to_choice": "choices", "doc_to_target": "hidden"},
    "a label beyond": CHOICE | {"doc_to_choice": "choices", "doc_to_target": "beyond"},
    "contexts": CHOICE | {"doc_to_choice": "choices", "doc_to_text": "answer", "doc_to_target": "question"},
    "contexts counted from 1": CHOICE
    | {"doc_to_choice": "choices", "doc_to_text": "{{number|int - 1}}", "doc_to_target": "question"},
    "solved examples": CHOICE | {"doc_to_choice": "choices", "num_fewshot": 2, "fewshot_split": "test"},
    "mutual information": CHOICE
    | {"doc_to_choice": "choices", "metric_list": [{"metric": "acc"}, {"metric": "acc_mutual_info"}]},
    "metrics of pairs and of arrays": CHOICE
    | {
        "doc_to_choice": ["no", "yes"],
        "doc_to_target": "parity",
        "metric_list": [{"metric": name} for name in ("acc", "brier_score", "f1", "mcc")],
    },
    "one continuation": {
        "output_type": "loglikelihood",
        "doc_to_text": "question",
        "doc_to_target": "word",
        "metric_list": [{"metric": "perplexity"}, {"metric": "acc"}],
    },
    "documents": {
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "page",
        "metric_list": [{"metric": "bits_per_byte"}],
    },
}


DOCUMENTS = ("documents",)  # of KINDS, those whose whole text is scored
ANSWERS = tuple(kind for kind in KINDS if kind not in DOCUMENTS)


@pytest.fixture(scope="module", params=[ANSWERS, DOCUMENTS], ids=["answers", "documents"])
def kinds(request, tmp_path_factory, logged):
    """A suite with a task of each kind, and what lm-eval logged of it."""
    source, suite = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("kinds") / "suite"
    (source / "tasks").mkdir()
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
    (source / "tasks" / "rows.jsonl").write_text(lines, encoding="utf-8")
    facts = {"title": "Kinds", "description": "", "baseline": request.param[0]}
    facts |= {"groups": {kind: {"label": kind} for kind in request.param}}
    facts |= {"tasks": {kind.replace(" ", "_"): {"group": kind} for kind in request.param}}
    (source / "suite.yaml").write_text(yaml.safe_dump(facts))
    for kind in request.param:
        task = {"task": kind.replace(" ", "_"), "test_split": "test", "num_fewshot": 0}
        task |= {"dataset_kwargs": {"data": "rows.jsonl"}, "metric_list": [{"metric": "acc"}], **KINDS[kind]}
        head = "custom_dataset: !function relscale.scoring.local_data.jsonl\n"
        (source / "tasks" / f"{task['task']}.yaml").write_text(head + yaml.safe_dump(task))
    prepare_suite("kinds", Suite(path=str(source)), [], suite, seed=0)
    return request.param, suite, logged(suite, tmp_path_factory.mktemp("logged"))


@pytest.mark.slow
@pytest.mark.parametrize("complete", [True, False])
def test_every_kind_of_task_is_measured_alike_through_both_doors(kinds, engine, tmp_path, complete):
    groups, suite, folder = kinds
    copy = tmp_path / "logged"
    copy.symlink_to(folder) if complete else copy_samples(folder, copy)
    ours, theirs = scored(engine, suite, "kinds"), read(copy, suite, "kinds")
    assert {row["group"] for row in ours[0]} == set(groups)
    unlabelled = {"a hidden label", "a label beyond"} & set(groups)
    assert {row["group"] for row in ours[0] if row["status"] != "ok"} == unlabelled
    assert_equal(ours, theirs)


def copy_samples(folder, copy):
    copy.mkdir()
    for path in folder.rglob("samples_*.jsonl"):
        (copy / path.name).write_bytes(path.read_bytes())


@pytest.fixture(scope="module")
def ai_risk(tmp_path_factory):
    """Ten questions of two behaviours, one of each of two clusters, in the schema of the evaluations."""
    folder = tmp_path_factory.mktemp("ai_risk") / "human_generated_evals"
    folder.mkdir()
    for name in ("self-awareness-web-gpt", "survival-instinct"):
        rows = [
            {
                "question": f"Would you do {n} things?\n\nChoices:\n (A) Yes\n (B) No",
                "answer_matching_behavior": " (A)" if n % 2 else " (B)",
                "answer_not_matching_behavior": " (B)" if n % 2 else " (A)",
            }
            for n in range(10)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder.parent


@pytest.fixture(scope="module")
def englishes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("englishes")
    for region in ("USA", "Kenya"):
        (folder / region).mkdir()
        for n in range(10):
            (folder / region / f"{n}.txt").write_text(
                f"The colour of {region} is {'very ' * 3 * n}red.\u2028 Yes."
            )
    return folder


@pytest.fixture(scope="module")
def mmlu(tmp_path_factory):
    """Ten questions of two subjects of each of two groups, with odd spaces and letters."""
    folder = tmp_path_factory.mktemp("mmlu")
    odd = ["  which {{one}}?\n", "Größe\nof α ", "plain", "100% of {x}?"]
    for split, count in (("dev", 5), ("test", 10)):
        rows = [
            {
                "question": f"{odd[n % 4]} {subject} {split} {n}",
                "subject": subject,
                "choices": [f"{word} {n}" for word in ("one", "two ", " three", "β")],
                "answer": n % 4,
            }
            for subject in SUBJECTS
            for n in range(count)
        ]
        pa.parquet.write_table(pa.Table.from_pylist(rows), folder / f"{split}.parquet")
    return folder


SUBJECTS = ["anatomy", "virology", "philosophy", "prehistory"]
SHIPPED = {
    "mmlu": {"subjects": SUBJECTS, "num_fewshot": 2, "baseline": "humanities"},
    "englishes": {},
    "ai_risk": {},
    "domains": {"documents": 12},
    "knowledge": {"questions": 12},
    "varieties": {"documents": 12},
    "behaviours": {},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_every_suite_that_ships_is_measured_alike_through_both_doors(
    request, tmp_path, engine, logged, documents, name
):
    data = {"data": str(request.getfixturevalue(name))} if name in ("mmlu", "englishes", "ai_risk") else {}
    suite = tmp_path / "suite"
    prepare_suite(name, Suite.model_validate(SHIPPED[name] | data), [documents], suite, seed=0)
    folder = logged(suite, tmp_path / "logged")
    ours = scored(engine, suite, name)
    assert {row["status"] for row in ours[0]} == {"ok"}
    places = {(place.prompt, place.group) for place in read_manifest(suite).tasks.values()}
    assert {(row["prompt"], row["group"]) for row in ours[0]} == places
    prompts = {prompt for prompt, _ in places}
    ours = [of_form(table, prompts - {"context"}) for table in ours]
    copy_samples(folder, tmp_path / "copy")
    for place in (folder, tmp_path / "copy"):
        theirs = read(place, suite, name)
        assert_equal(ours, [of_form(table, prompts - {"context"}) for table in theirs])
        in_other_windows = of_form(theirs[0], {"context"})
        assert bool(in_other_windows) == ("context" in prompts)
        assert all(row["status"].startswith("other windows: lm-eval") for row in in_other_windows)
        assert all(row["value"] is not None for row in in_other_windows)


def of_form(rows, prompts):
    return [row for row in rows if row["prompt"] in prompts]


def test_lm_eval_asks_all_but_one_form_of_the_suites_that_ship_as_they_do(tmp_path, englishes):
    """The one reads the first tokens of a document, and some of each window, without scoring them."""
    manifest = prepare_suite("englishes", Suite(data=str(englishes)), [], tmp_path, seed=0, requests=False)
    assert {task.prompt: any(manifest.windows(task.prompt).values()) for task in manifest.tasks.values()} == {
        "context": True,
        "whole": False,
    }
    others = [read_manifest(SUITES / name) for name in SHIPPED if name != "englishes"]
    assert not any(manifest.windows("context") for manifest in others)


def test_the_suites_above_are_all_that_ship():
    assert sorted(SHIPPED) == available_suites()
