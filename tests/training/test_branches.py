"""Branches of a training, with larger batches from a checkpoint on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from relscale.design.bill import bill, format_bill
from relscale.design.options import Hardware
from relscale.design.placement import place
from relscale.design.table import format_plan, plan_table
from relscale.figures.data import FigureData
from relscale.figures.plot import make_figure
from relscale.questions.critical_branch import factor_limits
from relscale.storage.rows import rows_of, table_of
from relscale.storage.tables import read_table, write_table
from relscale.studies.critical_batches import CriticalBatchRow, critical_batches
from relscale.training.branch_row import BranchRow
from relscale.training.branches import BRANCHES, branches_of, furthest_token
from relscale.training.data import TrainingData
from relscale.training.interruption import Control
from relscale.training.key import run_key
from relscale.training.options import Branches, Training
from relscale.training.run import train_run

pytestmark = pytest.mark.slow

BRANCHING = Branches.model_validate({"from": [0.25, 0.5], "factors": [1, 2, 4], "tokens": 1000})
PLAIN = Training(precision="float32", validation_tokens=500)
OPTIONS = PLAIN.model_copy(update={"branches": BRANCHING})


def test_branches_read_the_tokens_behind_their_checkpoint_with_k_times_the_batch(run):
    """1,000 tokens are 31 sequences of 32: rounded to 32, two batches of the largest size."""
    branches = branches_of(run, BRANCHING)
    assert [(each.step, each.factor) for each in branches] == [(s, k) for s in (10, 20) for k in (1, 2, 4)]
    for each in branches:
        assert each.run.sequences_before(each.step) == run.sequences_before(each.step)
        assert each.run.batch_at(each.step) == each.factor * run.batch_size
        assert each.run.tokens - each.tokens_before == 32 * run.architecture.sequence_length
        assert each.learning_rate == pytest.approx(
            each.factor**0.5 * next(b for b in branches if b.step == each.step).learning_rate
        )
    assert furthest_token(run, BRANCHING) == run.tokens  # 20 steps and 8 more are not the end


@pytest.fixture(scope="module")
def data(tokens, vocabulary):
    return TrainingData(tokens, vocabulary)


def train(run, data, folder, options=OPTIONS, stops=()):
    """A run's folder; it is stopped at some of its questions whether it is asked to stop."""
    asked = iter(range(1000))
    control = Control(stop_requested=lambda: next(asked) in stops)
    while train_run(run, data, folder, options, control=control) is None:
        pass
    return folder


def test_a_run_with_branches_stopped_anywhere_ends_bit_for_bit_and_is_the_run_without(run, data, tmp_path):
    plain = train(run, data, tmp_path / "a" / "runs" / "plain", PLAIN)
    whole = train(run, data, tmp_path / "b" / "runs" / "whole")
    # Forty steps, then branches of 8, 4 and 2 steps from each checkpoint: in the run, at its end, in four branches.
    stopped = train(run, data, tmp_path / "c" / "runs" / "stopped", stops={3, 14, 42, 50, 53, 57, 60})
    for name in ("model.safetensors", "curve.parquet"):
        assert (whole / name).read_bytes() == (stopped / name).read_bytes() == (plain / name).read_bytes()
    assert (whole / BRANCHES).read_bytes() == (stopped / BRANCHES).read_bytes()
    assert not (plain / BRANCHES).exists()
    assert not whole.with_name("whole.state").exists() or not list(whole.with_name("whole.state").iterdir())
    rows = list(rows_of(BranchRow, read_table(whole / BRANCHES)))
    assert [row.steps for row in rows] == 2 * [8, 4, 2]
    assert {row.tokens for row in rows} == {1024}
    # The branch with the run's own batch is the run itself, as long as its rate is constant.
    losses = [row["train_loss"] for row in read_table(plain / "curve.parquet").to_pylist()]
    smoothed, weights = 0.0, 0.0
    for loss in losses[20:28]:
        smoothed, weights = 0.5 * smoothed + loss, 0.5 * weights + 1
    assert rows[3].loss == pytest.approx(smoothed / weights, rel=1e-9)


def test_a_damaged_checkpoint_of_branches_starts_the_run_again(run, data, tmp_path, capsys):
    folder = tmp_path / "a" / "runs" / "run"
    stopped = Control(stop_requested=iter([False] * 15 + [True]).__next__)
    assert train_run(run, data, folder, OPTIONS, control=stopped) is None
    (folder.with_name("run.state") / "branches" / "step-10" / "state.pt").unlink()
    train(run, data, folder)
    assert "the run starts again" in capsys.readouterr().err
    assert (folder / BRANCHES).is_file()


def test_a_share_that_is_the_end_of_a_short_run_has_no_branches(run, data, tmp_path, capsys):
    """0.99 of 40 steps are all 40. A run that is stopped in its branches keeps its steps, and its checkpoints."""
    late = Branches.model_validate({"from": [0.25, 0.99], "factors": [1], "tokens": 1000})
    options = PLAIN.model_copy(update={"branches": late, "checkpoints": (0.99,)})
    folder = train(run, data, tmp_path / "a" / "runs" / "run", options, stops={42})
    assert "starts again" not in capsys.readouterr().err
    (row,) = rows_of(BranchRow, read_table(folder / BRANCHES))
    assert row.from_tokens == run.sequences_before(10) * run.architecture.sequence_length


def branch(factor, loss, **values):
    own = {"run": "r", "corpus": "c", "params": 1, "from_tokens": 8, "from_batch_tokens": 100, "tokens": 800}
    more = {"steps": 8, "learning_rate": 0.1, "loss_noise": 0.001, "validation_loss": loss}
    return BranchRow(**{**own, **more, "factor": factor, "loss": loss, **values})


@pytest.mark.parametrize(
    ("losses", "factor", "note"),
    [
        ({1: 3.000, 2: 2.995, 4: 3.004, 8: 3.011}, 4, None),  # 8 exceeds 2.995 + 0.01
        ({1: 3.0, 2: 3.0}, 2, "lower bound: no larger batch was tested"),
        ({1: 3.0, 2: None}, 1, None),
        ({1: None, 2: 3.0}, None, "the branch with the batch of the run diverged"),
    ],
)
def test_the_critical_batch_is_the_largest_that_costs_no_loss(losses, factor, note):
    (row,) = critical_batches([branch(*each) for each in losses.items()], 0.01)
    assert (row.factor, row.note) == (factor, note)
    assert row.critical_batch_tokens == (factor and 100 * factor)


@pytest.mark.parametrize(
    ("margin", "low", "high"),
    [(3.0, 2, None), (1.5, 1, None), (-1.5, 1, None), (-3.0, 1, 1)],
)
def test_the_interval_of_the_critical_batch_is_that_of_the_noise_of_the_losses(margin, low, high):
    """Of two factors the larger is k* where its loss is less than ε above the other's, whose difference has twice the
    variance: with probability Φ(margin). No upper limit where the largest is among the middle 95%."""
    noise, epsilon = 0.004, 0.01
    difference = epsilon - margin * 2**0.5 * noise
    branches = [branch(1, 3.0, loss_noise=noise), branch(2, 3.0 + difference, loss_noise=noise)]
    (row,) = critical_batches(branches, epsilon)
    assert (row.low, row.high) == (100 * low, high and 100 * high)


@given(
    losses=st.lists(st.floats(2.9, 3.1), min_size=1, max_size=8),
    noise=st.floats(0, 1),
    diverged=st.integers(0, 8),
    epsilon=st.floats(0, 0.1),
)
def test_the_critical_batch_is_always_within_its_interval(losses, noise, diverged, epsilon):
    losses = [*losses, *[None] * diverged]
    branches = [branch(2**i, loss, loss_noise=noise) for i, loss in enumerate(losses)]
    (row,) = critical_batches(branches, epsilon)
    assert row.low <= row.critical_batch_tokens <= (row.high or 100 * 2 ** len(losses))
    if noise == 0 and row.high is not None:
        assert row.low == row.high


def test_intervals_of_the_critical_batch_cover_it_where_noise_is_as_large_as_epsilon():
    """Seven equal losses: every batch costs nothing, so that no upper limit may fall below the largest."""
    generator, factors, noise = np.random.default_rng(0), 2.0 ** np.arange(7), np.full(7, 0.02)
    drawn = 3 + 0.02 * generator.standard_normal((1000, 7))
    missed = sum(factor_limits(factors, losses, noise, 0.01)[1] is not None for losses in drawn)
    assert missed <= 1000 * 0.025 + 3 * (1000 * 0.025 * 0.975) ** 0.5


def test_a_branch_without_known_noise_leaves_no_interval():
    (row,) = critical_batches([branch(1, 3.0), branch(2, 3.0, loss_noise=None)], 0.01)
    assert (row.critical_batch_tokens, row.low, row.high) == (200, None, None)


def test_the_plan_counts_branches(run):
    """Six branches of 32 sequences of 32 tokens beside a run of 40 steps of 4 sequences: 1.2 times its tokens more."""
    hardware = Hardware(flops_per_second=1e9)
    placements = [place(run, hardware)]
    assert run.tokens == 40 * 4 * 32
    (row,) = plan_table([run], placements, BRANCHING).to_pylist()
    assert (row["branches"], row["branch_tokens"]) == (6, 6 * 32 * 32)
    assert row["branch_flops"] == pytest.approx(1.2 * run.training_flops)
    plain, sums = bill([run], placements), bill([run], placements, branches=BRANCHING)
    assert (sums.training_flops, sums.seconds, sums.longest, sums.device_hours) == pytest.approx(
        tuple(2.2 * each for each in (plain.training_flops, plain.seconds, plain.longest, plain.device_hours))
    )
    assert sums.state_bytes == 4 * plain.state_bytes  # of the run, of two checkpoints and of a branch
    (line,) = (line for line in format_bill(sums, hardware).splitlines() if "branches" in line)
    assert line.startswith("6 branches with larger batches are")
    assert line.endswith("of these minutes")
    assert "branches" not in format_bill(plain, hardware)


def test_branches_are_no_part_of_minutes_where_the_plan_has_gpu_hours(run):
    gpus = Hardware(gpus_per_node=1, memory_bytes=1e9)
    estimate = format_bill(bill([run], [place(run, gpus)], branches=BRANCHING), gpus)
    assert "6 branches with larger batches are" in estimate
    assert "minutes" not in estimate


def test_a_run_without_branches_has_its_columns_below_those_of_the_others(run):
    """A run of one step reaches both checkpoints only at its end."""
    short = replace(run, train_steps=1)
    runs = [short, run]
    lines = format_plan(runs, [place(each, Hardware()) for each in runs], BRANCHING).splitlines()
    assert lines[0].split()[-2:] == ["branches", "time"]
    assert "0, 0 tokens" in lines[2]


def test_the_figure_has_a_line_per_checkpoint_and_the_interval_of_its_critical_batch(tmp_path):
    """The first rules out k = 8, and k = 1, by four standard deviations; the second rules out no batch."""
    losses = {1000: {1: 3.000, 2: 2.995, 4: 3.004, 8: 3.011}, 2000: {1: 3.0, 2: 3.0, 4: 3.0, 8: 3.0}}
    rows = [branch(k, loss, from_tokens=n) for n in losses for k, loss in losses[n].items()]
    critical = list(critical_batches(rows, 0.01))
    write_table(table_of(BranchRow, rows), tmp_path / "branches.parquet")
    write_table(table_of(CriticalBatchRow, critical), tmp_path / "critical.parquet")
    tables = {BranchRow: tmp_path / "branches.parquet", CriticalBatchRow: tmp_path / "critical.parquet"}
    drawn = make_figure("critical-batch", FigureData(tmp_path, tmp_path, other_tables=tables))
    lines = [
        trace for trace in drawn.data if trace.xaxis == "x" and trace.mode == "lines+markers" and trace.x[0]
    ]
    assert [list(trace.x) for trace in lines] == 2 * [[1, 2, 4, 8]]
    assert lines[0].y == pytest.approx([0, -0.005, 0.004, 0.011])
    (first, second) = (trace for trace in drawn.data if trace.xaxis == "x2" and trace.error_y.array)
    assert (first.x[0], second.x[0]) == (1000, 2000)
    assert (first.y[0], second.y[0]) == (400, 800)
    assert first.y[0] - first.error_y.arrayminus[0] == 200
    assert first.error_y.array[0] == 0
    assert second.error_y.array[0] > 0  # to above the largest batch


def test_the_figure_of_a_config_without_branches_says_so(tmp_path):
    drawn = make_figure("critical-batch", FigureData(tmp_path, tmp_path))
    assert "training.branches" in drawn.layout.annotations[0].text


def test_noise_above_epsilon_is_reported(run):
    (row,) = critical_batches([branch(1, 3.0, loss_noise=0.02), branch(2, 3.1)], 0.01)
    assert row.note == "the smoothed losses vary by 0.02, more than epsilon"


def test_a_run_has_its_branches_in_its_name_but_not_the_rule_that_reads_them(run):
    other = BRANCHING.model_copy(update={"tokens": 2000.0})
    rule = BRANCHING.model_copy(update={"epsilon": 0.5})
    keys = [
        run_key(run, "t", PLAIN.model_copy(update={"branches": each})) for each in (None, BRANCHING, other)
    ]
    assert len(set(keys)) == 3
    assert run_key(run, "t", PLAIN.model_copy(update={"branches": rule})) == keys[1]


def test_branches_without_the_batch_of_the_run_are_refused():
    with pytest.raises(ValidationError, match="1 is missing"):
        Branches.model_validate({"from": [0.5], "factors": [2, 4], "tokens": 1000})
