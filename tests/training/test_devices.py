"""How a batch is split, and on how many devices, changes nothing but rounding."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from relscale.design.run import run_from_dict, run_to_dict
from relscale.storage.process import EXIT_CODE
from relscale.storage.tables import read_table
from relscale.tokens.store import TokenStore
from relscale.training.batch_gradient import accumulate_gradients
from relscale.training.data import TrainingData
from relscale.training.distributed_model import DistributedModel
from relscale.training.fabric import launch
from relscale.training.job import Job, train_job
from relscale.training.micro_batches import micro_batches
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

COUNTS = ("run", "from_tokens", "from_batch_tokens", "factor", "tokens", "steps")
BRANCHES = {"from": [0.5], "factors": [1, 2], "tokens": 500}


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("micro_batch", [1, 2])
def test_the_order_of_the_data_depends_on_neither_devices_nor_micro_batches(run, tokens, count, micro_batch):
    run = replace(run, batch_size=8)
    store = TokenStore.open(tokens)
    for step in (0, 3):
        dealt = [
            part
            for rank in range(count)
            for part in micro_batches(store, run, step, rank, count, micro_batch)
        ]
        assert {part.shape[0] for part in dealt} == {micro_batch}
        whole = store.batch(step, 8, run.architecture.sequence_length, seed=run.seed)
        assert np.array_equal(torch.cat(dealt), whole)


def gradients(run, parts, **options):
    torch.manual_seed(0)
    model = DistributedModel(Decoder(run.architecture), run.hyperparameters, launch(), **options)
    loss = accumulate_gradients(model, parts, len(parts))
    return loss, {name: each.grad for name, each in model.decoder.named_parameters()}


def test_gradients_of_micro_batches_add_up_to_those_of_the_batch(run):
    batch = torch.randint(300, (8, 33), generator=torch.Generator().manual_seed(0))
    loss, whole = gradients(run, [batch])
    for size in (1, 2, 4):
        split_loss, split = gradients(run, batch.split(size))
        torch.testing.assert_close(split_loss, loss, rtol=1e-6, atol=0)
        for name, gradient in whole.items():
            torch.testing.assert_close(split[name], gradient, rtol=1e-4, atol=1e-7)


def test_recomputed_layers_have_the_same_gradients_and_keep_less(run):
    run = replace(run, architecture=replace(run.architecture, num_layers=4))
    batch = torch.randint(300, (8, 33), generator=torch.Generator().manual_seed(0))
    found, kept = [], []
    for recomputed in (False, True):
        saved = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, s=saved: s.append(t.numel()) or t, lambda t: t
        ):
            found.append(gradients(run, [batch], recomputed=recomputed))
        kept.append(sum(saved))
    assert torch.equal(found[0][0], found[1][0])
    for name, gradient in found[0][1].items():
        assert torch.equal(found[1][1][name], gradient)
    assert kept[1] < 0.7 * kept[0]


GROWING = {"test": "inner-product", "eta": 0.05, "every": 3, "memory": 0.5, "largest": 4}
# What each of the jobs measures on two processes, which take them one after another; the last one is stopped.
JOBS = {
    "growing": ("ddp", {"micro_batch": 1, "adaptive_batch": GROWING, "branches": BRANCHES}),
    "sharing": ("fsdp", {"branches": BRANCHES}),
    "stopped": ("ddp", {"micro_batch": 1, "noise_scale": {"every": 8}}),
}


@pytest.fixture(scope="module")
def jobs(run, tokens, vocabulary, tmp_path_factory):
    """The jobs on one process and on two, by name; those on two are trained, but for the last one, which is stopped.

    The optimizer is C-AdamC, which takes means over whole tensors.
    """
    folder = tmp_path_factory.mktemp("jobs")

    def described(store, options):
        return {
            "runs": [run_to_dict(run)],
            "tokens": str(tokens),
            "vocabulary": str(vocabulary),
            "store": str(folder / store),
            "options": OPTIONS | options,
            "output": str(folder / f"{store}.json"),
        }

    described_jobs = {
        name: (
            described(f"{name}-one", options),
            described(f"{name}-two", options | {"strategy": strategy, "devices": 2}),
        )
        for name, (strategy, options) in JOBS.items()
    }
    on_two = [two for _, two in described_jobs.values()]
    on_two[-1] |= {"stop_at": 80}  # of the micro-batches that the first process takes: step 20
    (folder / "jobs").write_text(json.dumps(on_two))
    script = Path(__file__).with_name("several_devices.py")
    command = [sys.executable, script, folder / "jobs"]
    ended = subprocess.run(command, timeout=600, capture_output=True, text=True)
    assert ended.returncode == EXIT_CODE, ended.stderr
    return described_jobs


def on_one(job):
    tokens, vocabulary, store = (Path(job[name]) for name in ("tokens", "vocabulary", "store"))
    options = Training.model_validate(job["options"])
    runs = [run_from_dict(job["runs"][0])]
    train_job(Job(runs, TrainingData(tokens, vocabulary), store, options), Path(job["output"]))


def assert_alike(job, other, *further):
    one, two = (read_table(next(Path(each["store"]).glob("runs/*/curve.parquet"))) for each in (job, other))
    for name in ("train_loss", "grad_norm", "validation_loss", *further):
        assert one[name].null_count < len(one)
        np.testing.assert_allclose(two[name].to_pandas(), one[name].to_pandas(), rtol=2e-4)


def assert_branches_alike(job, other):
    one, two = (
        read_table(next(Path(each["store"]).glob("runs/*/branches.parquet"))).to_pylist()
        for each in (job, other)
    )
    assert [row["factor"] for row in one] == [1, 2]
    for row, of_other in zip(one, two, strict=True):
        numbers = [
            [each[name] for name in ("loss", "validation_loss", "learning_rate")] for each in (row, of_other)
        ]
        assert numbers[1] == pytest.approx(numbers[0], rel=2e-4)
        assert [row[name] for name in COUNTS] == [of_other[name] for name in COUNTS]


def test_two_processes_train_like_one_and_one_goes_on_where_they_stopped(jobs):
    """With micro-batches of one sequence, the moments of the gradient are those of one process too."""
    one, two = jobs["stopped"]
    assert list(Path(two["store"]).glob("runs/*.state/state.pt"))
    on_one(two | {"options": one["options"]})
    on_one(one)
    assert_alike(one, two, "gradient_norm_squared", "gradient_variance")


def test_batches_grow_on_two_processes_as_on_one(jobs):
    """Both processes take the same decisions, from the moments of all micro-batches."""
    one, two = jobs["growing"]
    on_one(one)
    assert_alike(one, two, "batch_tokens", "learning_rate", "gradient_variance_along")
    assert_branches_alike(one, two)
    curve = read_table(next(Path(one["store"]).glob("runs/*/curve.parquet")))
    assert curve["batch_tokens"][-1].as_py() > curve["batch_tokens"][0].as_py()


def test_two_processes_that_share_weights_train_like_one(jobs):
    one, two = jobs["sharing"]
    on_one(one)
    assert_alike(one, two)
    assert_branches_alike(one, two)
    weights = [load_file(next(Path(each["store"]).glob("runs/*/model.safetensors"))) for each in (one, two)]
    assert {name: each.shape for name, each in weights[0].items()} == {
        name: each.shape for name, each in weights[1].items()
    }
