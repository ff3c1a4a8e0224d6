"""Models given away: their folders, cards and table, and what reads the table back."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pyarrow as pa
import pytest
import yaml
from hostile import NAMES
from records import write_record

from relscale.errors import RelscaleError
from relscale.experiments.config import check_config
from relscale.measurements.mixture_shares import with_listed_shares
from relscale.measurements.runs import listed_runs, trained_runs
from relscale.release.export import export
from relscale.release.model_card import ScoreRow
from relscale.release.push import push, upload_size
from relscale.scoring.checkpoint_table import read_checkpoints
from relscale.storage.tables import read_table

CONFIG = {
    "experiment": "small",
    "seed": 3,
    "sources": {
        "web": {"kind": "hub", "path": "someone/web", "name": "sample", "revision": "a" * 40},
        "mine": {"kind": "hub", "path": "/data/mine"},
    },
    "corpora": {
        "mixed": {"parts": [{"source": "web", "name": "pages", "weight": 3}, {"source": "mine", "weight": 1}]}
    },
    "vocabulary": {"size": 512},
    "design": {
        "recipe": "laptop",
        "flop_accounting": "training",
        "sequence_length": 128,
        "optimizers": ["c-adamc"],
        "budgets": [1e10],
        "widths": [8, 16],
    },
    "export": {"licence": "apache-2.0"},
}
SCORE = {"suite": "mmlu", "prompt": "cloze", "group": "stem", "metric": "bits_per_byte_answer_mean"}


def plan(config):
    return check_config(config).planned_runs


def leave_trained(tmp_path, config):
    """Two runs as training leaves them, of which the second diverged; their manifest."""
    manifest = []
    for number, run in enumerate(plan(config)):
        folder = tmp_path / "store" / f"key{number}"
        folder.mkdir(parents=True)
        ok = number == 0
        record = write_record(
            folder,
            run,
            status="ok" if ok else "diverged at step 7",
            step=run.train_steps if ok else 7,
            validation_loss=3.125 + 1e-15 if ok else None,
            validation_bits_per_byte=1.1 if ok else None,
            seconds=3600.0,
        )
        if ok:
            (folder / "config.json").write_text("{}")
            (folder / "model.safetensors").write_bytes(b"weights")
            (folder / "checkpoints").mkdir()
        entry = {"name": run.name, "key": f"key{number}", "path": str(folder), "status": record.status}
        manifest.append(entry)
    path = tmp_path / "runs.json"
    path.write_text(json.dumps(manifest))
    return path


@pytest.fixture
def trained(tmp_path):
    return leave_trained(tmp_path, CONFIG)


@pytest.fixture
def exported(trained, tmp_path):
    score = ScoreRow(**SCORE, run=plan(CONFIG)[0].name, value=1.5, stderr=None, items=12)
    more = [replace(score, metric="brier", value=0.77), replace(score, metric="accuracy", value=0.26)]
    metrics = {"mmlu": "bits_per_byte_answer_mean"}
    return export(check_config(CONFIG), [trained], [score, *more], metrics, {}, tmp_path / "export")


def card(exported):
    _, metadata, text = (exported.models[0] / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(metadata), text


def test_a_model_has_a_folder_of_its_own_and_one_that_diverged_only_a_row(exported):
    (model,) = exported.models
    names = {path.name for path in model.iterdir()}
    assert names == {"README.md", "config.json", "model.safetensors", "run.json"}
    assert exported.diverged == (plan(CONFIG)[1].name,)


def test_weights_are_not_held_twice(exported, trained):
    store = trained.parent / "store" / "key0" / "model.safetensors"
    assert (exported.models[0] / "model.safetensors").samefile(store)


def test_a_card_tells_design_data_compute_losses_scores_and_licence(exported):
    metadata, text = card(exported)
    assert metadata["license"] == "apache-2.0"
    assert metadata["datasets"] == ["someone/web"]
    run = plan(CONFIG)[0]
    for part in (
        f"{run.params:,}",
        f"{run.tokens:,}",
        f"{run.training_flops:.6g}",
        "3.1250",
        "1.5",
        "a" * 40,
    ):
        assert part in text
    assert "weight 3" in text
    # The data set's configuration, not the name of its share.
    assert "name sample;" in text
    assert "pages" not in text
    assert "/data/mine" not in text
    assert "0.26" in text
    assert "brier" not in text


def test_a_licence_is_never_made_up(trained, tmp_path):
    config = CONFIG | {"export": {"licence": None}}
    unlicensed = export(check_config(config), [trained], [], {}, {}, tmp_path / "unlicensed")
    metadata, text = card(unlicensed)
    assert "license" not in metadata
    assert "None is given." in text
    assert "Not scored." in text
    with pytest.raises(RelscaleError, match=r"export\.licence: set the licence"):
        push(tmp_path / "unlicensed", "us", "small", None)


def test_the_table_gives_the_measurements_of_the_trainings_back(exported, trained):
    before = trained_runs([trained], [])
    after = listed_runs(read_checkpoints(exported.table), [], {})
    assert [run.model for run in after] == [run.model for run in before]
    assert [run.losses for run in after] == [run.losses for run in before]


def test_the_table_has_the_shares_of_each_model_in_the_mixture(exported):
    runs = [row.run for row in read_checkpoints(exported.table)]
    measured = pa.table({"run": [runs[1], runs[0], runs[1]]})
    again = with_listed_shares(measured, exported.table, runs)
    assert again["share_pages"].to_pylist() == [0.75] * 3
    assert again["share_mine"].to_pylist() == [0.25] * 3


def test_an_export_is_pushed_model_by_model_and_its_table_names_commits(exported, monkeypatch):
    import huggingface_hub

    created, uploaded = [], []

    class Hub:
        def create_repo(self, name, private, exist_ok):
            created.append((name, private, exist_ok))

        def upload_folder(self, repo_id, folder_path):
            uploaded.append((repo_id, folder_path))
            return SimpleNamespace(oid="b" * 40)

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    folder = exported.table.parent
    assert upload_size(folder)[0] == 1
    table = push(folder, "us", "small", "apache-2.0", report=lambda _: None)
    name = f"us/small-{plan(CONFIG)[0].name}"
    assert created == [(name, True, True)]
    assert uploaded == [(name, exported.models[0])]
    pushed = read_checkpoints(table)
    assert read_table(table)["share_pages"].to_pylist() == [0.75, 0.75]
    assert [(row.model, row.revision) for row in pushed] == [(name, "b" * 40), (None, None)]


def test_what_the_hub_refuses_is_reported_in_one_line(exported, monkeypatch):
    import huggingface_hub

    class Hub:
        def create_repo(self, *_, **__):
            raise OSError("no route\nto host")

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    with pytest.raises(RelscaleError, match=r"cannot push .* \(no route\)") as error:
        push(exported.table.parent, "us", "small", "apache-2.0")
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_corpus_may_be_called_anything_and_its_models_lie_in_the_export(tmp_path, name):
    config = CONFIG | {"experiment": name, "corpora": {name: CONFIG["corpora"]["mixed"]}}
    score = ScoreRow(**(SCORE | {"group": name}), run=plan(config)[0].name, value=1.5, stderr=None, items=12)
    (tmp_path / "suite").mkdir()
    given = export(
        check_config(config),
        [leave_trained(tmp_path, config)],
        [score],
        {"mmlu": SCORE["metric"]},
        {name: tmp_path / "suite"},
        tmp_path / "export",
    )
    assert {path.name for path in tmp_path.iterdir()} == {"store", "runs.json", "suite", "export"}
    assert [path.parent for path in given.models] == [tmp_path / "export"]
    assert [row.corpus for row in read_checkpoints(given.table)] == [name, name]
    assert [row.run for row in read_checkpoints(given.table)] == [run.name for run in plan(config)]
    assert [row.local for row in read_checkpoints(given.table)] == [True, False]
    metadata, text = card(given)
    assert metadata["tags"][-1] == name
    assert not re.search(r"<(img|script|/script)", text.replace(f"`{name}`", ""))
    (row,) = [line for line in text.splitlines() if line.startswith("| mmlu")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 8  # a cell for each of seven columns


@pytest.mark.parametrize("model", ["../store/key0", "/etc", ".", ".."])
def test_nothing_but_models_of_the_export_is_pushed(exported, monkeypatch, model):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: pytest.fail("nothing is uploaded"))
    folder = exported.table.parent
    text = exported.table.read_text().replace(exported.models[0].name, model)
    exported.table.write_text(text)
    for act in (lambda: upload_size(folder), lambda: push(folder, "us", "small", "apache-2.0")):
        with pytest.raises(RelscaleError, match="is not a folder of this export"):
            act()
