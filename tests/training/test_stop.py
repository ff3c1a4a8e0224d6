"""A training that stops and resumes, whatever its options, ends in the same bits."""

import json
import shutil
from dataclasses import replace

import pytest

from relscale.design.isoflop import with_batch_schedule
from relscale.design.options import BatchGrowth
from relscale.storage.checksums import seal
from relscale.storage.tables import read_table
from relscale.training.data import TrainingData
from relscale.training.interruption import Control
from relscale.training.optimizers import optimizers
from relscale.training.options import NoiseScale, Training
from relscale.training.schedule import SCHEDULES


def train_run(*arguments, **named):
    from relscale.training.run import train_run  # and torch

    return train_run(*arguments, **named)


def stopped_after(steps):
    """What asks a training to stop after so many steps."""
    asked = iter([False] * (steps - 1) + [True] * 1000)
    return Control(lambda: next(asked), lambda: None)


def with_growing_batches(run):
    tokens = run.batch_size * run.architecture.sequence_length
    return with_batch_schedule(
        run, [BatchGrowth(tokens=10 * tokens, factor=2), BatchGrowth(tokens=30 * tokens, factor=3)]
    )


def slow(change, options):
    return pytest.param(change, options, marks=pytest.mark.slow)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda run: run, {}),
        slow(lambda run: run, {"noise_scale": NoiseScale(every=3)}),
        slow(with_growing_batches, {"noise_scale": NoiseScale(every=3), "checkpoints": (0.5,)}),
        slow(
            lambda run: replace(run, hyperparameters=replace(run.hyperparameters, vector_learning_rate=1e-3)),
            {},
        ),
    ],
    ids=["plain", "noise-scale", "batch-schedule", "vector-learning-rate"],
)
def test_a_stopped_training_resumes_to_the_same_bits(run, tokens, vocabulary, tmp_path, change, options):
    run, data = change(run), TrainingData(tokens, vocabulary)
    settings = Training(precision="float32", validation_tokens=500, validation_points=2, **options)
    whole, pieces = tmp_path / "a" / "runs" / "whole", tmp_path / "b" / "runs" / "pieces"
    train_run(run, data, whole, settings)
    for steps in (4, 9):
        assert train_run(run, data, pieces, settings, control=stopped_after(steps)) is None
    assert train_run(run, data, pieces, settings) is not None
    files = sorted(path.relative_to(whole) for path in whole.rglob("*.safetensors"))
    assert len(files) == 1 + len(options.get("checkpoints", ()))
    for name in [*files, "curve.parquet"]:
        assert (whole / name).read_bytes() == (pieces / name).read_bytes()


SHORT = Training(precision="float32", validation_tokens=100)


def train_in_pieces(run, data, folder, options=SHORT):
    """The weights and curve of a run in one piece, and of one that is stopped after 4 and after 9 steps."""
    whole, pieces = folder / "a" / "runs" / "whole", folder / "b" / "runs" / "pieces"
    train_run(run, data, whole, options)
    for steps in (4, 5):
        assert train_run(run, data, pieces, options, control=stopped_after(steps)) is None
    assert train_run(run, data, pieces, options) is not None
    return [
        [(each / name).read_bytes() for name in ("model.safetensors", "curve.parquet")]
        for each in (whole, pieces)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", optimizers())
def test_every_optimizer_and_schedule_resumes_to_the_same_bits(
    run, tokens, vocabulary, tmp_path, optimizer, schedule
):
    h = replace(run.hyperparameters, optimizer=optimizer, schedule=schedule)
    run = replace(run, hyperparameters=h, train_steps=12)
    whole, pieces = train_in_pieces(run, TrainingData(tokens, vocabulary), tmp_path)
    assert whole == pieces


@pytest.mark.slow
def test_recomputed_micro_batches_resume_to_the_same_bits(run, tokens, vocabulary, tmp_path):
    run = replace(run, train_steps=12)
    options = SHORT.model_copy(update={"activation_checkpointing": True, "micro_batch": 1})
    whole, pieces = train_in_pieces(run, TrainingData(tokens, vocabulary), tmp_path, options)
    assert whole == pieces


@pytest.mark.slow
def test_a_mixture_with_a_repeated_part_resumes_to_the_same_bits(run, tokens, vocabulary, tmp_path):
    """Half of each batch, on average, is of a part of 320 tokens, which is read several times."""
    manifest = json.loads((tokens / "manifest.json").read_text())
    part = {"units": 1, "shards": [str(tokens)], "sha256": "", "splits": {}, "groups": {}, "left_out": {}}
    parts = [{"name": "all", **part}, {"name": "few", "unique_tokens": 320, **part}]
    mixed = tmp_path / "mixed"
    shutil.copytree(tokens, mixed)
    (mixed / "manifest.json").write_text(json.dumps(manifest | {"parts": parts}))
    seal(mixed)
    run = replace(run, train_steps=12)
    data = TrainingData(mixed, vocabulary)
    assert data.store().unique_tokens(run.tokens, run.architecture.sequence_length) < run.tokens
    whole, pieces = train_in_pieces(run, data, tmp_path)
    assert whole == pieces


@pytest.mark.slow
def test_the_curve_says_the_batch_and_the_tokens_of_each_step(run, tokens, vocabulary, tmp_path):
    run = with_growing_batches(run)
    record = train_run(
        run, TrainingData(tokens, vocabulary), tmp_path / "runs" / "one", Training(validation_tokens=500)
    )
    rows = read_table(tmp_path / "runs" / "one" / "curve.parquet").to_pylist()
    first = run.batch_size * run.architecture.sequence_length
    assert [row["batch_tokens"] for row in rows] == 10 * [first] + 10 * [2 * first] + 3 * [3 * first]
    assert rows[-1]["tokens"] == run.tokens == record.tokens
    assert sum(row["batch_tokens"] for row in rows) == run.tokens
