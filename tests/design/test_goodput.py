"""Which batch reaches a loss soonest."""

import math
from dataclasses import replace

import pytest
from scipy.optimize import minimize_scalar

from relscale.design.goodput import batch_costs, format_goodput, goodput_batch, statistical_efficiency
from relscale.design.isoflop import plan
from relscale.design.options import Design, Hardware
from relscale.training.options import Training

STEP, PER_ITEM, CRITICAL = 0.4, 1e-3, 300.0


@pytest.mark.parametrize(("power", "optimum"), [(0.0, 346.410), (0.5, 1044.622)])
def test_no_batch_has_more_goodput_than_the_one_that_is_named(power, optimum):
    def loss(log_batch):
        batch = math.exp(log_batch)
        throughput = batch / (STEP + PER_ITEM * batch)
        return -math.log(throughput * statistical_efficiency(batch, CRITICAL) * batch**power)

    found = minimize_scalar(loss, bounds=(0, 12), method="bounded", options={"xatol": 1e-12})
    named = goodput_batch(STEP, PER_ITEM, CRITICAL, grows_with_root_batch=power > 0)
    assert math.exp(found.x) == pytest.approx(named, rel=1e-6)
    assert named == pytest.approx(optimum, rel=1e-6)


def test_a_batch_at_the_critical_one_teaches_half_as_much_per_token():
    assert statistical_efficiency(300, 300) == 0.5


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
    named = goodput_batch(0.5, per_sequence, critical / length)
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
    assert sum(line.rstrip().endswith("*") for line in table.splitlines()[2:]) == 2
