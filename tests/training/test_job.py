"""Whole trainings, of a second each. Lightning takes some seconds to import."""

import gc
import json
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from relscale.errors import RelscaleError
from relscale.storage.entries import read_entries
from relscale.storage.tables import read_table
from relscale.training.data import TrainingData
from relscale.training.job import Job, train_job
from relscale.training.manifest import TrainedModel
from relscale.training.model import Decoder
from relscale.training.options import Training

pytestmark = pytest.mark.slow
OPTIONS = {
    "threads": 1,
    "precision": "float32",
    "validation_tokens": 500,
    "validation_points": 4,
    "max_epochs": 2.0,
}
FILES = {
    "checksums.json",
    "config.json",
    "curve.parquet",
    "model.safetensors",
    "run.json",
    "tokenizer.json",
    "tokenizer_config.json",
}


@pytest.fixture
def train(tokens, vocabulary, tmp_path):
    """Train a run into a folder of that name, and return the folder."""
    from relscale.training.run import train_run

    def into(name, run, **options):
        folder = tmp_path / name
        chosen = Training.model_validate({**OPTIONS, **options})
        train_run(run, TrainingData(tokens, vocabulary), folder, chosen)
        return folder

    return into


@pytest.fixture
def described(tokens, vocabulary):
    """A job of these runs, into that store."""

    def job(runs, store, **options):
        chosen = Training.model_validate(OPTIONS | options)
        return Job(runs, TrainingData(tokens, vocabulary), store, chosen)

    return job


def test_a_run_learns_and_leaves_what_the_next_stages_read(run, train, tokens):
    folder = train("a", run)
    assert {file.name for file in folder.iterdir()} == FILES
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "ok"
    assert record["tokens"] == run.tokens
    assert record["training_flops"] == run.training_flops
    assert record["validation_loss"] < 0.8 * np.log(300)
    assert record["train_loss"] < 0.8 * np.log(300)

    curve = read_table(folder / "curve.parquet").to_pandas()
    assert curve["step"].tolist() == list(range(1, 41))
    assert curve["tokens"].iloc[-1] == run.tokens
    assert curve["learning_rate"].max() == run.hyperparameters.learning_rate
    assert curve["validation_loss"].dropna().index.tolist() == [9, 19, 29, 39]
    assert curve["validation_loss"].iloc[-1] == record["validation_loss"]
    assert curve["train_loss"].iloc[0] == pytest.approx(np.log(300), abs=0.1)
    assert (curve["grad_norm"] > 0).all()


def test_the_same_run_has_the_same_weights_and_another_seed_others(run, train):
    first, again = train("a", run), train("b", run)
    assert (first / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()
    assert (first / "curve.parquet").read_bytes() == (again / "curve.parquet").read_bytes()
    other = load_file(train("c", replace(run, seed=1)) / "model.safetensors")
    assert not torch.equal(other["lm_head.weight"], load_file(first / "model.safetensors")["lm_head.weight"])


@pytest.mark.parametrize("change", [{"optimizer": "adamw"}, {"schedule": "cosine"}])
def test_other_optimizers_and_schedules_learn_too(run, train, change):
    folder = train("a", replace(run, hyperparameters=replace(run.hyperparameters, **change)))
    assert json.loads((folder / "run.json").read_text())["validation_loss"] < 0.9 * np.log(300)


def test_bfloat16_ends_near_float32(run, train):
    """After 40 steps another seed changes the loss by 2%, as one standard deviation, and so does any rounding."""
    losses = [
        json.loads((train(precision, run, precision=precision) / "run.json").read_text())["validation_loss"]
        for precision in ("float32", "bf16")
    ]
    assert losses[1] == pytest.approx(losses[0], rel=0.06)


def test_a_model_is_freed_before_the_next_run_begins(run, described, tmp_path, monkeypatch):
    """Recomputed layers refer to themselves, so that counting references alone would keep every model of a job."""
    layers, alive = weakref.WeakSet(), []

    def decoder(architecture):
        alive.append(len(layers))
        layers.update((made := Decoder(architecture)).layers)
        return made

    monkeypatch.setattr("relscale.training.run.Decoder", decoder)
    job = described([run, replace(run, seed=1)], tmp_path / "store", activation_checkpointing=True)
    gc.disable()
    try:
        train_job(job, tmp_path / "job.json")
    finally:
        gc.enable()
    assert alive == [0, 0]


def test_a_diverged_run_is_recorded_and_the_others_go_on(run, diverging, described, tmp_path):
    runs = [diverging, replace(run, seed=1)]
    manifest = train_job(described(runs, tmp_path / "store"), tmp_path / "job.json")
    assert read_entries(tmp_path / "job.json", TrainedModel) == manifest
    assert [row.name for row in manifest] == [run.name for run in runs]
    assert manifest[1].status == "ok"

    step = int(manifest[0].status.removeprefix("diverged at step "))
    folder = tmp_path / "store" / "runs" / manifest[0].key
    assert str(folder) == manifest[0].path
    assert {file.name for file in folder.iterdir()} == {"checksums.json", "run.json", "curve.parquet"}
    record = json.loads((folder / "run.json").read_text())
    assert 1 <= record["step"] == step <= run.train_steps
    assert np.isfinite(record["train_loss"])
    assert record["validation_loss"] is None
    assert record["training_flops"] < run.training_flops or step == run.train_steps
    assert read_table(folder / "curve.parquet")["step"].to_pylist() == list(range(1, step + 1))


def test_checkpoints_on_the_way_are_those_of_a_shorter_look_at_the_same_training(run, described, tmp_path):
    def job(runs, name, **options):
        return train_job(described(runs, tmp_path / name, **options), tmp_path / f"{name}.json")

    (plain,) = job([run], "plain")
    whole, half, most = job([run], "kept", checkpoints=[0.75, 0.5])
    assert [entry.name for entry in (whole, half, most)] == [
        run.name,
        f"{run.name}-step-20",
        f"{run.name}-step-30",
    ]
    assert {entry.training for entry in (whole, half, most)} == {run.name}
    assert len({entry.key for entry in (whole, half, most)}) == 3
    records = {
        entry.name: json.loads(Path(entry.path, "run.json").read_text()) for entry in (whole, half, most)
    }
    record = records[half.name]
    assert record["step"] == 20
    assert record["tokens"] == run.tokens / 2
    assert record["training_flops"] == run.training_flops / 2
    assert record["learning_rate"] == run.hyperparameters.learning_rate  # in the schedule's stable part
    curve = read_table(Path(whole.path, "curve.parquet")).to_pandas().set_index("step")
    assert record["validation_loss"] == curve["validation_loss"][20]

    weights = [Path(entry.path, "model.safetensors").read_bytes() for entry in (plain, whole, half, most)]
    assert weights[0] == weights[1]
    assert len(set(weights)) == 3
    loaded = load_file(Path(half.path, "model.safetensors"))
    assert loaded.keys() == load_file(Path(whole.path, "model.safetensors")).keys()
    assert {file.name for file in Path(half.path).iterdir()} == FILES - {"curve.parquet"}


def test_what_is_in_the_store_is_not_trained_again(run, described, tmp_path):
    said: list[str] = []

    def job(runs, output):
        return train_job(described(runs, tmp_path / "store"), tmp_path / output, said.append)

    wider = replace(run, architecture=replace(run.architecture, hidden_size=24))
    first = job([run], "one.json")
    weights = tmp_path / "store" / "runs" / first[0].key / "model.safetensors"
    before = weights.stat().st_mtime_ns
    both = job([wider, run], "both.json")
    assert both[1] == first[0]
    assert weights.stat().st_mtime_ns == before
    assert [line.split()[0] for line in said] == ["trained", "trained", "found"]
    assert run.name in said[-1]


def test_a_plan_that_repeats_its_corpus_too_often_trains_nothing(run, described, tmp_path):
    long = replace(run, train_steps=4000)
    with pytest.raises(RelscaleError, match=r"passes over .* raise training\.max_epochs \(now 2\)"):
        train_job(described([run, long], tmp_path / "store"), tmp_path / "job.json")
    assert list(tmp_path.iterdir()) == []


def test_the_curve_is_logged_while_a_run_is_trained(run, tokens, vocabulary, tmp_path):
    """As CSV, beside the state; when the run is done, its curve is the record."""
    from relscale.training.interruption import Control
    from relscale.training.run import train_run

    data, folder, options = TrainingData(tokens, vocabulary), tmp_path / "run", Training(**OPTIONS)
    steps = iter(range(1, 41))
    stopped = Control(stop_requested=lambda: next(steps) == 25)
    assert train_run(run, data, folder, options, control=stopped) is None
    (file,) = tmp_path.glob("run.state/logs/*/metrics.csv")
    logged = pd.read_csv(file).set_index("step")
    assert logged.index.tolist() == [10, 20]  # where it was validated
    train_run(run, data, folder, options)
    assert not file.exists()
    curve = read_table(folder / "curve.parquet").to_pandas().set_index("step")
    for column in ("train_loss", "validation_loss", "learning_rate", "grad_norm", "tokens"):
        assert logged[column].tolist() == curve.loc[[10, 20], column].tolist()


@pytest.mark.parametrize("logger", ["tensorboard", "wandb"])
def test_a_logger_that_is_not_installed_is_refused_before_anything_is_trained(
    run, described, tmp_path, logger, monkeypatch
):
    monkeypatch.setattr("relscale.training.options.find_spec", lambda package: None)
    with pytest.raises(
        RelscaleError, match=f"training.logger: {logger} is not installed; pip install {logger}, or set csv"
    ):
        train_job(described([run], tmp_path / "store", logger=logger), tmp_path / "job.json")
    assert list(tmp_path.iterdir()) == []


def test_another_vocabulary_than_the_runs_is_refused(run, train):
    other = replace(run, architecture=replace(run.architecture, vocabulary_size=301))
    with pytest.raises(RelscaleError, match=r"300 tokens, but .* has a vocabulary of 301"):
        train("a", other)


def test_one_process_at_a_time_works_on_a_key(tmp_path):
    import fcntl

    from relscale.storage.lock import locked

    path = tmp_path / "locks" / "key.lock"
    with locked(path), path.open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert not path.exists()
