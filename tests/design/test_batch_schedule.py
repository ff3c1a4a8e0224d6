"""Batches that grow during a training: what they cost, and which tokens each step sees."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relscale.design.architecture import Architecture
from relscale.design.isoflop import plan, with_batch_schedule
from relscale.design.options import BatchGrowth, Design
from relscale.design.run import BatchChange, Hyperparameters, Run, run_from_dict, run_to_dict
from relscale.errors import RelscaleError
from relscale.training.schedule import learning_rate

PLAIN = Hyperparameters("adamw", 1e-3, 0.9, 0.95, 1e-8, 0.1, 1.0, "wsd", 0.1, 0.2)


def run_of(batch_size, steps, length=32, hyperparameters=PLAIN):
    return Run(
        "c", 1e9, 0, Architecture(300, length, 16, 1, 1, 1, 16, 64), batch_size, steps, hyperparameters
    )


def growing(run, *changes):
    return with_batch_schedule(run, [BatchGrowth(tokens=tokens, factor=factor) for tokens, factor in changes])


def test_doubling_twice_saves_the_steps_that_its_paper_says():
    # OLMo 1B: 608e9 tokens and 50e9 of mid-training in batches of 1,024 sequences of 4,096, doubled at 168e9 and 503e9
    # (arXiv 2505.23971).
    whole = run_of(1024, round(658e9 / (1024 * 4096)), length=4096)
    grown = growing(whole, (168e9, 2), (503e9, 4))
    assert 1 - grown.train_steps / whole.train_steps == pytest.approx(0.43123, abs=2e-5)
    assert grown.tokens == pytest.approx(whole.tokens, rel=1e-4)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    batch=st.integers(1, 40),
    steps=st.integers(5, 400),
    shares=st.lists(st.floats(0.01, 0.95), max_size=3, unique=True).map(sorted),
    factors=st.lists(st.integers(1, 6), min_size=3, max_size=3),
)
def test_each_sequence_is_seen_once_in_order_and_none_is_left_out(batch, steps, shares, factors):
    run = run_of(batch, steps)
    grown = growing(
        run, *((share * run.tokens, factor) for share, factor in zip(shares, factors, strict=False))
    )
    seen = 0
    for step in range(grown.train_steps):
        assert grown.sequences_before(step) == seen
        seen += grown.batch_at(step)
    assert grown.tokens == seen * 32
    largest = max(stage.batch_size for stage in grown.stages)
    assert abs(grown.tokens - run.tokens) <= largest * 32
    for step in {0, grown.train_steps // 2, grown.train_steps}:
        assert grown.steps_until(grown.sequences_before(step)) == step


class Numbered:
    """A store whose sequences are their numbers."""

    def batch(self, number, size, length, split, seed):
        return np.arange(number * size, (number + 1) * size)


@pytest.mark.slow  # torch takes seconds to import
@pytest.mark.parametrize(("devices", "size"), [(1, 4), (1, 2), (2, 2), (2, 1), (4, 1)])
def test_devices_and_micro_batches_deal_out_each_batch_whole(devices, size):
    from relscale.training.micro_batches import micro_batches  # and torch

    run = growing(run_of(4, 30), (32 * 4 * 10, 2), (32 * 4 * 20, 6))
    dealt = [
        number
        for step in range(run.train_steps)
        for rank in range(devices)
        for part in micro_batches(Numbered(), run, step, rank, devices, size)
        for number in part.tolist()
    ]
    assert dealt == list(range(run.tokens // 32))


def test_a_factor_of_one_is_the_run_without():
    run = run_of(4, 30)
    same = growing(run, (32 * 4 * 10, 1))
    assert same.train_steps == run.train_steps
    assert [learning_rate(same, step) for step in range(30)] == [
        learning_rate(run, step) for step in range(30)
    ]


def test_the_learning_rate_grows_with_the_root_of_the_batch_and_decays_by_tokens():
    run = run_of(4, 100)
    grown = growing(run, (0.5 * run.tokens, 4))
    assert learning_rate(grown, 40) == PLAIN.learning_rate
    assert learning_rate(grown, 55) == 2 * PLAIN.learning_rate
    assert grown.train_steps == 50 + 12  # of 12.5
    for step in range(grown.train_steps):
        position = grown.sequences_before(step) / grown.sequences_before(grown.train_steps)
        if position >= 0.85:
            expected = 2 * PLAIN.learning_rate * (1 - position) / 0.2
            assert learning_rate(grown, step) == pytest.approx(expected, rel=0.04)


def test_runs_that_see_fewer_tokens_keep_their_batch():
    design = Design(
        recipe="laptop",
        flop_accounting="training",
        budgets=[1e11, 1e12],
        batch_schedule=[BatchGrowth(tokens=3e5, factor=2)],
    )
    runs = plan(("code",), design, 2048, 7)
    without = plan(("code",), design.model_copy(update={"batch_schedule": ()}), 2048, 7)
    for run, plain in zip(runs, without, strict=True):
        if plain.tokens <= 3e5:
            assert run == plain
        else:
            assert run.batch_schedule == (BatchChange(3e5, 2),)
            assert run.tokens == pytest.approx(plain.tokens, rel=0.05)
    assert {bool(run.batch_schedule) for run in runs} == {True, False}


def test_a_run_with_a_schedule_is_read_back_as_written():
    run = growing(run_of(4, 30), (32 * 4 * 10, 2))
    assert run_from_dict(run_to_dict(run)) == run
    assert run_from_dict(run_to_dict(replace(run, batch_schedule=()))).stages == run_of(4, 1).stages


def test_changes_out_of_order_are_refused():
    with pytest.raises(RelscaleError, match="tokens must increase"):
        growing(run_of(4, 30), (2000, 2), (1000, 4))
