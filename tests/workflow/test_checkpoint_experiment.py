"""An experiment on a table of checkpoints, or on what lm-eval logged of them: no training, all the rest."""

import copy
import csv
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from relscale.design.run import run_from_dict
from relscale.storage.tables import read_table

pytestmark = pytest.mark.slow

SUBJECTS = ["abstract_algebra", "philosophy", "sociology", "marketing"]
EXPERIMENT = {
    "experiment": "audit",
    "runs": {"source": "checkpoints", "table": "runs.csv"},
    "suites": {
        "mmlu": {"data": "mmlu", "subjects": SUBJECTS, "num_fewshot": 1},
        "englishes": {"data": "englishes", "context_tokens": 5},
    },
    "collect": {"replicates": 20, "cut": 0.5, "subjects": ["mmlu"]},
    "fit": {"bootstrap": 50, "specifications": [], "power": []},
    "figures": ["relative-law", "prompt-forms", "exponents"],
}
FIGURES = [
    "relative-law-mmlu",
    "relative-law-englishes",
    "prompt-forms-mmlu",
    "prompt-forms-englishes",
    "exponents",
]


def write_data(folder):
    """Questions of four subjects, one of each group, and documents of two regions."""
    chance = random.Random(0)
    words = ["field", "sum", "right", "law", "price", "group", "ring", "norm", "class", "brand"]

    def some(count):
        return " ".join(chance.choice(words) for _ in range(count))

    for split, count in (("dev", 5), ("test", 12)):
        rows = [
            {
                "question": f"{some(4)} {number}?",
                "subject": subject,
                "choices": [some(1 + place % 2) for place in range(4)],
                "answer": chance.randrange(4),
            }
            for subject in SUBJECTS
            for number in range(count)
        ]
        (folder / "mmlu").mkdir(exist_ok=True)
        pa.parquet.write_table(pa.Table.from_pylist(rows), folder / "mmlu" / f"{split}.parquet")
    for region in ("USA", "Kenya"):
        (folder / "englishes" / region).mkdir(parents=True)
        for number in range(12):
            (folder / "englishes" / region / f"{number}.txt").write_text(some(10 + 20 * number))


def write_table(folder, rows):
    with open(folder / "runs.csv", "w", newline="") as file:
        writer = csv.DictWriter(
            file, ["run", "model", "samples", "corpus", "params", "tokens", "training_flops"]
        )
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def audit(tmp_path_factory, make_experiment, micro):
    """One seed of each budget and width that the small experiment trained, as a table."""
    experiment = make_experiment(tmp_path_factory.mktemp("audit"), EXPERIMENT)
    write_data(experiment.folder)
    rows = {}
    for path in sorted(micro.folder.glob("results/micro/runs/*/*.json")):
        for run in json.loads(path.read_text()):
            model = micro.folder / run["path"]
            trained = run_from_dict(json.loads((model / "run.json").read_text())["run"])
            row = {"run": trained.name, "model": str(model), "corpus": trained.corpus}
            row |= {"params": "", "tokens": trained.tokens, "training_flops": trained.training_flops}
            rows.setdefault((trained.corpus, trained.budget), row)
    experiment.rows = list(rows.values())
    write_table(experiment.folder, experiment.rows)
    result = experiment.snakemake()
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-8000:]
    return experiment


def measurements(experiment):
    table = read_table(experiment.folder / "results" / "audit" / "measurements.parquet")
    return {
        tuple(row[key] for key in ("run", "suite", "prompt", "group", "metric")): row
        for row in table.to_pylist()
    }


def test_every_checkpoint_is_measured_on_every_suite_form_and_group(audit):
    rows = measurements(audit)
    found = {(key[0], key[1], key[2], key[3]) for key in rows}
    expected = {
        (row["run"], "mmlu", form, group)
        for row in audit.rows
        for form in ("letters", "cloze", "answer_text")
        for group in ("stem", "humanities", "social_sciences", "other")
    }
    assert expected <= found
    assert {group for _, suite, _, group in found if suite == "englishes"} == {"united_states", "kenya"}
    assert {group for _, suite, _, group in found if suite == "mmlu_subjects"} == set(SUBJECTS)


def test_parameters_that_the_table_lacks_are_those_of_the_weights(audit):
    rows = {key[0]: row for key, row in measurements(audit).items()}
    for row in audit.rows:
        record = json.loads((Path(row["model"]) / "run.json").read_text())
        assert rows[row["run"]]["params"] == run_from_dict(record["run"]).params


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_are_drawn(audit, figure):
    assert (audit.folder / "results" / "audit" / "figures" / f"{figure}.html").stat().st_size > 1000


def test_nothing_is_left_to_do_and_a_fit_option_runs_fits_and_figures_alone(audit):
    assert audit.planned_jobs() == {}
    changed = copy.deepcopy(EXPERIMENT)
    changed["fit"]["level"] = 0.9
    assert set(audit.planned_jobs(changed)) == {"fit", "plot", "write_report"}


def test_changed_data_are_read_and_scored_anew(audit):
    path = audit.folder / "englishes" / "Kenya" / "0.txt"
    before = path.read_bytes()
    path.write_text("another text")
    try:
        planned = audit.planned_jobs()
    finally:
        path.write_bytes(before)
    assert planned["suite"] == 1
    assert "score" in planned


def test_plan_shows_the_table_and_training_verbs_have_nothing_to_do(audit):
    shown = audit.call("relscale", "plan", "experiment.yaml")
    assert shown.returncode == 0
    assert all(row["run"] in shown.stdout for row in audit.rows)
    refused = audit.call(
        "relscale", "train", "experiment.yaml", "--corpus", "a", "--job", "b", "--output", "c.json"
    )
    assert refused.returncode == 1
    assert "whose first stage is 'suite'" in refused.stderr


def log_by_lm_eval(model, tasks, output):
    """Evaluate a model on tasks as lm-eval does by itself, with its samples logged to a folder."""
    import lm_eval
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    import relscale.scoring.local_data  # noqa: F401, which the tasks read their questions by

    manager = TaskManager(include_defaults=False, include_path=str(tasks))
    found = lm_eval.simple_evaluate(
        "hf",
        model_args={"pretrained": model, "dtype": "float32"},
        tasks=list(manager.all_subtasks),
        task_manager=manager,
        log_samples=True,
        bootstrap_iters=0,
        batch_size=8,
        device="cpu",
    )
    tracker = EvaluationTracker(output_path=str(output))
    samples = found.pop("samples")
    tracker.save_results_aggregated(found, samples=samples)
    for name, logged in samples.items():
        tracker.save_results_samples(name, logged)


def test_what_lm_eval_logged_gives_the_measurements_that_scoring_gives(
    audit, make_experiment, tmp_path, monkeypatch
):
    before = measurements(audit)
    monkeypatch.setattr("torch.utils.collect_env.get_pretty_env_info", lambda: "not asked")  # pip and others
    suite = audit.folder / "results" / "audit" / "suites" / "mmlu" / "tasks"
    log_by_lm_eval(audit.rows[0]["model"], suite, tmp_path / "logged")

    config = copy.deepcopy(EXPERIMENT)
    config["suites"].pop("englishes")
    config["figures"] = []
    experiment = make_experiment(tmp_path / "samples", config)
    (experiment.folder / "mmlu").symlink_to(audit.folder / "mmlu")
    write_table(
        experiment.folder,
        [row | {"model": "", "samples": str(tmp_path / "logged")} for row in audit.rows[:1]],
    )
    result = experiment.snakemake("--until", "collect")
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    assert not list(experiment.folder.glob("results/audit/scores/*"))
    after = measurements(experiment)
    expected = {
        key: row for key, row in before.items() if key[0] == audit.rows[0]["run"] and "mmlu" in key[1]
    }
    assert set(after) == set(expected)
    for key, row in after.items():
        if "per_byte_" not in key[4] or row["value"] is not None:
            assert row["value"] == pytest.approx(expected[key]["value"], rel=1e-6, abs=1e-6), key
            assert row["items"] == expected[key]["items"]
