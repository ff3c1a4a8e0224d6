"""The state of a training, written and read back."""

from dataclasses import replace

import pytest
import torch

from relscale.training.distributed_model import DistributedModel
from relscale.training.fabric import launch
from relscale.training.history import History
from relscale.training.model import Decoder
from relscale.training.run import train_steps
from relscale.training.state import read_state, remove_state, write_state

pytestmark = pytest.mark.slow

STEPS, WARMUP = 12, 2


class RandomTokens:
    """A token store whose batches are random and depend on their number."""

    def batch(self, number, size, length, split, seed):
        generator = torch.Generator().manual_seed(number)
        return torch.randint(300, (size, length + 1), generator=generator).numpy()


class StopAfter:
    """An observer that ends a training early."""

    def __init__(self, step):
        self.step = step

    def after_step(self, history):
        history.stopped = history.done == self.step


def begun(run):
    torch.set_num_threads(1)
    torch.manual_seed(run.seed)
    model = DistributedModel(Decoder(run.architecture), run.hyperparameters, launch())
    return model, History.of(run, WARMUP, model.fabric.device)


def train(model, history, *observers):
    train_steps(model, history, RandomTokens(), 4, observers)


def weights(model):
    return torch.cat([weight.flatten() for weight in model.weights().values()])


@pytest.mark.parametrize("optimizer", ["adamw", "adamc", "c-adamw", "c-adamc", "muon"])
def test_a_state_read_back_resumes_bit_for_bit(run, tmp_path, optimizer):
    run = replace(run, train_steps=STEPS, hyperparameters=replace(run.hyperparameters, optimizer=optimizer))
    whole, whole_history = begun(run)
    train(whole, whole_history)

    first, history = begun(run)
    train(first, history, StopAfter(7))
    assert history.done == 7
    write_state(tmp_path, {**first.state_dict(), "history": history.state_dict()})
    second, again = begun(replace(run, seed=5))
    state = read_state(tmp_path)
    second.load_state_dict(state)
    again.load_state_dict(state["history"])
    train(second, again)
    assert torch.equal(weights(second), weights(whole))
    assert torch.equal(again.losses, whole_history.losses)
    assert torch.equal(again.gradient_norms, whole_history.gradient_norms)
    assert again.first_loss == whole_history.first_loss


def test_a_damaged_state_is_no_state_and_is_told_of(tmp_path, capsys):
    write_state(tmp_path, {"weights": torch.zeros(1000)})
    path = tmp_path / "state.pt"
    path.write_bytes(path.read_bytes()[:-500])
    assert read_state(tmp_path) is None
    assert "damaged; the run starts again" in capsys.readouterr().err


def test_a_state_that_cannot_be_written_whole_leaves_the_one_before(tmp_path):
    write_state(tmp_path, {"step": 1})
    with pytest.raises(AttributeError):
        write_state(tmp_path, {"step": lambda: 2})
    assert read_state(tmp_path) == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_of_a_state_only_the_owners_name_stays(tmp_path):
    write_state(tmp_path, {"step": 1})
    (tmp_path / "owner.json").touch()
    (tmp_path / "checkpoints").mkdir()
    remove_state(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["owner.json"]
