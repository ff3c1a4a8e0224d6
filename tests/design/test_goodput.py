"""Which batch reaches a loss soonest."""

import math
from dataclasses import replace

import numpy as np
import pytest

from relscale.design.goodput import (
    batch_costs,
    best_batch,
    best_batch_for_root,
    format_goodput,
    statistical_efficiency,
)
from relscale.design.isoflop import plan
from relscale.design.options import Design, Hardware
from relscale.training.options import Training


def test_a_batch_at_the_critical_one_teaches_half_as_much_per_token():
    assert statistical_efficiency(300, 300) == 0.5


@pytest.mark.parametrize(
    ("best", "power", "published"), [(best_batch, 0.0, 346.410), (best_batch_for_root, 0.5, 1044.622)]
)
def test_the_best_batch_is_the_published_one_and_that_of_a_fine_grid(best, power, published):
    """A step of 0.4 + 0.001·B seconds, a critical batch of 300."""
    assert best(0.4, 1e-3, 300.0) == pytest.approx(published, rel=1e-6)
    batch = np.geomspace(10, 1e5, 200_001)
    goodput = batch / (0.4 + 1e-3 * batch) * statistical_efficiency(batch, 300.0) * batch**power
    assert batch[goodput.argmax()] == pytest.approx(best(0.4, 1e-3, 300.0), rel=1e-4)


@pytest.fixture
def run():
    design = Design(
        recipe="laptop",
        flop_accounting="training",
        sequence_length=256,
        optimizers=["c-adamc"],
        budgets=[1e12],
    )
    return plan(("code",), design, 2048, 7)[-1]


def test_the_fastest_batch_of_a_plan_is_near_the_best_by_the_formula(run):
    hardware = Hardware(flops_per_second=1e10, seconds_per_step=0.5)
    length, critical = run.architecture.sequence_length, 16.0 * run.batch_size * 256
    per_sequence = run.training_flops / run.tokens * length / 1e10
    costs = batch_costs(run, hardware, Training(), critical)
    (fastest,) = [cost.run.batch_size for cost in costs if cost.best]
    named = math.sqrt(0.5 / per_sequence * critical / length)  # of b / (0.5 + per_sequence · b) · B / (B + b)
    nearest = min((cost.run.batch_size for cost in costs), key=lambda batch: abs(math.log(batch / named)))
    assert fastest == nearest


def test_the_planned_batch_costs_what_the_plan_says(run):
    hardware = Hardware(flops_per_second=1e10)
    (same,) = [
        cost for cost in batch_costs(run, hardware, Training(), 1e5) if cost.run.batch_size == run.batch_size
    ]
    assert same.run == run
    assert same.hours == pytest.approx(run.training_flops / 1e10 / 3600)


def test_tokens_to_one_loss_grow_as_one_plus_the_batch_by_the_critical_one(run):
    costs = batch_costs(run, Hardware(), Training(), 1e5)
    length = run.architecture.sequence_length
    each = {round(cost.tokens / (1 + cost.run.batch_size * length / 1e5)) for cost in costs}
    assert max(each) - min(each) <= 1


def test_the_table_marks_the_planned_and_the_fastest_batch(run):
    small = replace(run, budget=1e11)
    table = format_goodput([run, small], Hardware(seconds_per_step=1.0), Training(), 1e5)
    assert sum(line.rstrip().endswith(("=", "=*")) for line in table.splitlines()[2:]) == 2
    assert table.count("largest goodput at") == 2
    assert sum(line.rstrip().endswith("*") for line in table.splitlines()[2:]) == 2
