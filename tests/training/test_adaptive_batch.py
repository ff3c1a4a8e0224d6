"""Batches that grow by a test of the measured gradient noise."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from relscale.errors import RelscaleError
from relscale.storage.tables import read_table
from relscale.training.adaptive_batch import GrowingBatch, grown, next_factor
from relscale.training.data import TrainingData
from relscale.training.history import History
from relscale.training.interruption import Control
from relscale.training.key import run_key
from relscale.training.noise_scale import GradientMoments
from relscale.training.options import AdaptiveBatch, NoiseScale, Training, check_noise_scale
from relscale.training.run import train_run

pytestmark = pytest.mark.slow


@given(remaining=some.integers(1, 500), factor=some.integers(1, 8), wanted=some.integers(0, 40))
def test_a_batch_never_shrinks_grows_no_further_than_requested_and_leaves_whole_batches(
    remaining, factor, wanted
):
    remaining *= factor
    found = next_factor(remaining, factor, wanted)
    assert remaining % found == 0
    assert factor <= found <= max(factor, wanted)


@pytest.mark.parametrize(("remaining", "wanted", "factor"), [(12, 5, 4), (300, 7, 6), (7, 6, 1), (7, 7, 7)])
def test_the_largest_batch_of_which_whole_ones_are_left_is_taken(remaining, wanted, factor):
    assert next_factor(remaining, 1, wanted) == factor


def test_a_grown_run_reads_the_same_tokens_each_once(run):
    twice = grown(grown(run, 10, 2), 16, 6)
    assert [(stage.first_step, stage.batch_size) for stage in twice.stages] == [(0, 4), (10, 8), (16, 24)]
    assert twice.tokens == run.tokens
    assert twice.train_steps == 10 + 6 + 3  # of 40 batches of the first size: 10 + 6 · 2 + 3 · 6
    sizes = [twice.batch_at(step) for step in range(twice.train_steps)]
    ends = [twice.sequences_before(step) for step in range(twice.train_steps + 1)]
    assert [after - before for before, after in pairwise(ends)] == sizes


@pytest.mark.parametrize(("eta", "fixed"), [(0.8, 141.1875), (0.95, 27.1163435)])
def test_a_batch_grows_to_the_fixed_point_of_the_norm_test_and_no_further(run, eta, fixed):
    """Of a noise scale of 251 sequences the test asks for 251 (1 − η²) / η² where the batch is that large."""
    run = replace(run, batch_size=4, train_steps=20160)
    history = History.of(run, 0, torch.device("cpu"))
    growing = GrowingBatch(AdaptiveBatch(eta=eta, every=1, largest=1000))
    while not history.over:
        history.record(torch.tensor(1.0), torch.tensor(1.0), GradientMoments(1.0, 251.0))
        growing.after_step(history)
    last = history.run.batch_at(history.done - 1)
    assert fixed <= last < fixed + run.batch_size
    assert history.run.tokens == run.tokens


OPTIONS = Training(
    precision="float32",
    validation_tokens=500,
    validation_points=4,
    checkpoints=(0.3,),
    adaptive_batch=AdaptiveBatch(eta=0.1, every=3, memory=0.5, largest=4),
)


INNER_PRODUCT = OPTIONS.model_copy(
    update={"adaptive_batch": AdaptiveBatch(test="inner-product", eta=0.05, every=3, memory=0.5, largest=4)}
)


def train(run, data, folder, stops=(), options=OPTIONS):
    """The weights and the curve of a run that is stopped at some of its questions whether it is asked to stop."""
    asked = iter(range(1000))
    control = Control(stop_requested=lambda: next(asked) in stops)
    while train_run(run, data, folder, options, control=control) is None:
        pass
    return [(folder / name).read_bytes() for name in ("model.safetensors", "curve.parquet")]


@pytest.mark.parametrize("options", [OPTIONS, INNER_PRODUCT], ids=["norm", "inner-product"])
def test_a_training_whose_batches_grow_is_stopped_and_resumes_bit_for_bit(
    run, tokens, vocabulary, tmp_path, options
):
    data = TrainingData(tokens, vocabulary)
    whole = train(run, data, tmp_path / "a" / "runs" / "whole", options=options)
    stopped = train(run, data, tmp_path / "b" / "runs" / "stopped", stops={1, 4, 9}, options=options)
    assert whole == stopped
    rows = read_table(tmp_path / "a" / "runs" / "whole" / "curve.parquet").to_pylist()
    sequences = [row["batch_tokens"] // run.architecture.sequence_length for row in rows]
    assert sum(sequences) == run.batch_size * run.train_steps
    assert sequences == sorted(sequences)
    assert run.batch_size < sequences[-1] <= 4 * run.batch_size
    assert rows[-1]["validation_loss"] is not None
    peak = run.hyperparameters.learning_rate * (sequences[len(rows) // 2] / run.batch_size) ** 0.5
    assert max(row["learning_rate"] for row in rows[: len(rows) // 2 + 1]) == pytest.approx(peak)


def test_batches_grow_in_one_way_only(run):
    options = OPTIONS.model_copy(update={"noise_scale": NoiseScale()})
    with pytest.raises(RelscaleError, match=r"remove training\.noise_scale"):
        check_noise_scale(run, options, "ddp")
    with pytest.raises(RelscaleError, match=r"design\.batch_schedule changes the batch size as well"):
        check_noise_scale(grown(run, 10, 2), OPTIONS, "ddp")


def test_only_runs_whose_batches_grow_have_it_in_their_name(run):
    plain = OPTIONS.model_copy(update={"adaptive_batch": None})
    other = OPTIONS.model_copy(update={"adaptive_batch": AdaptiveBatch(eta=0.2)})
    assert len({run_key(run, "t", each) for each in (plain, OPTIONS, other)}) == 3
