"""A step's gradient where memory holds less than the plan thought."""

import pytest
import torch

from relscale.errors import RelscaleError
from relscale.tokens.store import TokenStore
from relscale.training.devices import one_device
from relscale.training.gradients import gradients
from relscale.training.model import Decoder
from relscale.training.placed import Placed


@pytest.fixture
def placed(run):
    torch.manual_seed(0)
    return Placed(Decoder(run.architecture), run.hyperparameters, one_device(), "float32")


def out_of_memory_beyond(sequences, placed, monkeypatch):
    """A device that computes a loss of so many sequences, and fails on more, after some of its work."""
    sizes, loss = [], placed.loss

    def limited(tokens):
        sizes.append(len(tokens))
        if len(tokens) > sequences:
            loss(tokens[:1]).backward()
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loss(tokens)

    monkeypatch.setattr(placed, "loss", limited)
    return sizes


def gradient(placed):
    return torch.cat([parameter.grad.flatten() for parameter in placed.model.parameters()])


def test_fewer_sequences_at_once_give_the_same_gradient(placed, run, tokens, monkeypatch, capsys):
    store = TokenStore.open(tokens)
    loss = gradients(placed, store, run, run.batch_size)(3)
    whole = gradient(placed)
    placed.optimizer.zero_grad()
    sizes = out_of_memory_beyond(1, placed, monkeypatch)
    of_step = gradients(placed, store, run, run.batch_size)
    assert of_step(3) == pytest.approx(loss.item(), rel=1e-6)
    torch.testing.assert_close(gradient(placed), whole, rtol=1e-4, atol=1e-7)
    assert sizes == [4, 2, 1, 1, 1, 1]
    assert "memory does not hold 4 sequence(s) at once; going on with 2" in capsys.readouterr().err
    of_step(4)
    assert sizes[6:] == [1, 1, 1, 1]  # it has learnt


def test_where_one_sequence_is_too_much_the_remedy_is_named(placed, run, tokens, monkeypatch):
    out_of_memory_beyond(0, placed, monkeypatch)
    with pytest.raises(
        RelscaleError, match=r"1 sequence\(s\) at once; set training.*activation_checkpointing"
    ):
        gradients(placed, TokenStore.open(tokens), run, 1)(0)
