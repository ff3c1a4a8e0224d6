"""The planner, given the paper's settings, returns the paper's runs."""

from pathlib import Path

import pytest

from relscale.design.isoflop import plan
from relscale.design.options import Design
from relscale.storage.tables import read_table

SUITE = Path(__file__).parents[2] / "reference" / "isoflop_suite.csv"
BUDGETS = [1e18, 3e18, 6e18, 1e19, 3e19, 6e19, 1e20]


@pytest.fixture(scope="module")
def published():
    return read_table(SUITE).to_pylist()


@pytest.fixture(scope="module")
def planned(published):
    return plan(
        dict.fromkeys(row["corpus"] for row in published),
        Design(recipe="held2025", flop_accounting="forward", sequence_length=4096, budgets=BUDGETS),
        vocabulary_size=128_256,
        seed=0,
    )


def pairs(planned, published):
    by_cell = {(run.corpus, run.budget, run.architecture.hidden_size): run for run in planned}
    return [(by_cell.pop((row["corpus"], row["budget"], row["hidden_size"])), row) for row in published]


def test_planner_reproduces_the_published_suite(planned, published):
    assert len(published) == len(planned) == 255
    for run, row in pairs(planned, published):
        assert run.architecture.num_layers == row["num_layers"]
        assert run.batch_size == row["batch_size"]
        assert run.train_steps == row["train_steps"]
        assert run.params == row["params"]
        assert run.tokens == row["tokens"]


def test_training_flops_are_three_times_the_forward_budget(planned, published):
    for run, row in pairs(planned, published):
        assert run.training_flops == pytest.approx(row["training_flops"], rel=1e-12)
        assert run.training_flops == 3 * run.forward_flops


def test_learning_rates_are_those_published(planned, published):
    rates = [
        (run.hyperparameters.learning_rate, row["learning_rate"])
        for run, row in pairs(planned, published)
        if row["learning_rate"] is not None
    ]
    assert len(rates) == 170
    for ours, theirs in rates:
        assert ours == pytest.approx(theirs, rel=1e-12)
