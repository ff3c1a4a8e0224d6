"""Nothing that a training reads or leaves is trusted because it is there."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from damage import DAMAGES, cut, deleted, emptied, flipped

from relscale.errors import Damaged, RelscaleError
from relscale.storage.checksums import check_digests
from relscale.storage.entries import read_entries
from relscale.training.manifest import TrainedModel
from relscale.training.state import read_state, write_state

pytestmark = pytest.mark.slow

OPTIONS = {
    "threads": 1,
    "precision": "float32",
    "validation_tokens": 500,
    "max_epochs": 2.0,
    "checkpoints": [0.5],
}


def train(run, tokens, vocabulary, folder):
    """Train a run of few steps, unless the folder has it; gives the folder of its result."""
    from relscale.training.data import TrainingData
    from relscale.training.job import Job, train_job
    from relscale.training.options import Training

    short, options = replace(run, train_steps=6), Training.model_validate(OPTIONS)
    description = Job([short], TrainingData(tokens, vocabulary), folder / "store", options)
    train_job(description, folder / "job.json", lambda line: None)
    return Path(read_entries(folder / "job.json", TrainedModel)[0].path)


@pytest.fixture(scope="module")
def trained(run, tokens, vocabulary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    train(run, tokens, vocabulary, folder)
    return folder / "store"


@pytest.fixture
def job(run, tokens, vocabulary, trained, tmp_path):
    """The job of a run that has been trained; gives its folder."""
    shutil.copytree(trained, tmp_path / "store")
    return lambda: train(run, tokens, vocabulary, tmp_path)


RESULT = ["run.json", "curve.parquet", "model.safetensors", "config.json", "tokenizer.json", "checksums.json"]


@pytest.mark.parametrize("damage", [cut, emptied, deleted])
@pytest.mark.parametrize(
    "name", [*RESULT, "checkpoints/step-3/model.safetensors", "checkpoints/step-3/run.json"]
)
def test_a_result_that_is_not_whole_is_trained_again(job, name, damage, capsys):
    folder = job()
    weights = (folder / "model.safetensors").read_bytes()
    damage(folder / name)
    assert job() == folder
    check_digests(folder)
    assert (folder / "model.safetensors").read_bytes() == weights
    assert "damaged, moved to" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["checkpoints/step-3/checksums.json", "checkpoints/step-3/run.json"])
def test_a_run_is_not_found_without_a_checkpoint_that_it_kept(job, name):
    """A bit in a checkpoint's list of files left its size as it was, and the run was found without the checkpoint."""
    folder = job()
    before = [entry.name for entry in read_entries(folder.parents[2] / "job.json", TrainedModel)]
    flipped(folder / name, bit=8 * 4)
    job()
    assert [entry.name for entry in read_entries(folder.parents[2] / "job.json", TrainedModel)] == before
    assert len(before) == 2
    check_digests(folder)


def test_a_record_with_a_flipped_bit_is_none(job):
    folder = job()
    record = (folder / "run.json").read_text()
    flipped(folder / "run.json")
    assert json.loads((job() / "run.json").read_text())["train_loss"] == json.loads(record)["train_loss"]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "checkpoints/step-3/model.safetensors"])
def test_who_reads_a_result_notices_a_flipped_bit(job, name):
    folder = job()
    flipped(folder / name)
    with pytest.raises(Damaged, match=f"{name}: damaged"):
        check_digests(folder)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["train.bin", "validation.bin", "manifest.json"])
def test_nothing_is_trained_on_damaged_tokens(run, tokens, vocabulary, tmp_path, name, damage):
    copy = tmp_path / "tokens"
    shutil.copytree(tokens, copy)
    damage(copy / name)
    with pytest.raises(RelscaleError, match=rf"{name}: damaged|no token store"):
        train(run, copy, vocabulary, tmp_path)
    assert not list(tmp_path.glob("store/runs/*/run.json"))


def test_tokens_with_a_flipped_bit_are_set_aside_for_the_same_command(run, tokens, vocabulary, tmp_path):
    copy = tmp_path / "tokens"
    shutil.copytree(tokens, copy)
    flipped(copy / "train.bin")
    with pytest.raises(Damaged, match=r"train\.bin: damaged .* the same snakemake command builds it again"):
        train(run, copy, vocabulary, tmp_path)
    assert not copy.exists()


@pytest.mark.parametrize("bits", [range(0, 8 * 4000, 97)])
def test_a_flipped_bit_in_a_state_is_noticed_or_harmless(tmp_path, bits):
    state = {"weights": torch.arange(300.0), "history": {"done": 3}}
    write_state(tmp_path, state)
    path = tmp_path / "state.pt"
    whole = path.read_bytes()
    for bit in bits:
        flipped_bytes = bytearray(whole)
        flipped_bytes[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped_bytes)
        found = read_state(tmp_path)
        assert found is None or (
            torch.equal(found["weights"], state["weights"]) and found["history"] == {"done": 3}
        )


@pytest.mark.parametrize("damage", [cut, deleted])
def test_a_run_whose_checkpoint_on_the_way_is_gone_starts_anew(
    run, tokens, vocabulary, tmp_path, damage, capsys
):
    from relscale.training.data import TrainingData
    from relscale.training.interruption import Control
    from relscale.training.options import Training
    from relscale.training.run import train_run

    run, data, options = (
        replace(run, train_steps=6),
        TrainingData(tokens, vocabulary),
        Training.model_validate(OPTIONS),
    )
    whole = train_run(run, data, tmp_path / "whole", options)
    stops = iter([False] * 4 + [True])
    control = Control(stop_requested=lambda: next(stops))
    assert train_run(run, data, tmp_path / "run", options, control=control) is None
    damage(tmp_path / "run.state" / "checkpoints" / "step-3" / "model.safetensors")
    assert train_run(run, data, tmp_path / "run", options).validation_loss == whole.validation_loss
    assert "starts again" in capsys.readouterr().err
    check_digests(tmp_path / "run")
    for name in ("model.safetensors", "checkpoints/step-3/model.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
