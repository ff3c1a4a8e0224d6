"""Branches of a training, with larger batches from a checkpoint on."""

import pytest
from pydantic import ValidationError

from relscale.critical_batches import critical_batches
from relscale.rows import rows_of
from relscale.tables import read_table
from relscale.training.branches import BRANCHES, BranchRow, branches_of, furthest_token
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
        ({1: 3.0, 2: 3.0}, 2, "at least this: no larger batch was tried"),
        ({1: 3.0, 2: None}, 1, None),
        ({1: None, 2: 3.0}, None, "the branch with the batch of the run diverged"),
    ],
)
def test_the_critical_batch_is_the_largest_that_costs_no_loss(losses, factor, note):
    (row,) = critical_batches([branch(*each) for each in losses.items()], 0.01)
    assert (row.factor, row.note) == (factor, note)
    assert row.critical_batch_tokens == (factor and 100 * factor)


def test_noise_above_epsilon_is_said(run):
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
