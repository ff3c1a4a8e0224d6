"""A step's gradient where memory holds less than the plan thought."""

import pytest
import torch

from relscale.errors import RelscaleError
from relscale.tokens.store import TokenStore
from relscale.training.batch_gradient import batch_gradient
from relscale.training.distributed_model import DistributedModel
from relscale.training.fabric import launch
from relscale.training.model import Decoder

pytestmark = pytest.mark.slow


@pytest.fixture
def model(run):
    torch.manual_seed(0)
    return DistributedModel(Decoder(run.architecture), run.hyperparameters, launch())


def out_of_memory_beyond(sequences, model, monkeypatch):
    """A device that computes a loss of so many sequences, and fails on more, after some of its work."""
    sizes, loss = [], model.loss

    def limited(tokens):
        sizes.append(len(tokens))
        if len(tokens) > sequences:
            loss(tokens[:1]).backward()
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loss(tokens)

    monkeypatch.setattr(model, "loss", limited)
    return sizes


def gradient(model):
    return torch.cat([parameter.grad.flatten() for parameter in model.decoder.parameters()])


def test_fewer_sequences_at_once_give_the_same_gradient(model, run, tokens, monkeypatch, capsys):
    store = TokenStore.open(tokens)
    loss = batch_gradient(run, model, store, 3, run.batch_size).loss
    whole = gradient(model)
    model.optimizer.zero_grad()
    sizes = out_of_memory_beyond(1, model, monkeypatch)
    again = batch_gradient(run, model, store, 3, run.batch_size)
    assert again.loss == pytest.approx(loss.item(), rel=1e-6)
    torch.testing.assert_close(gradient(model), whole, rtol=1e-4, atol=1e-7)
    assert sizes == [4, 2, 1, 1, 1, 1]
    assert again.micro_batch == 1  # with which the next step begins
    assert "4 sequence(s) do not fit in memory at once; continuing with 2" in capsys.readouterr().err


def test_where_one_sequence_is_too_much_the_remedy_is_named(model, run, tokens, monkeypatch):
    out_of_memory_beyond(0, model, monkeypatch)
    with pytest.raises(
        RelscaleError,
        match=r"1 sequence\(s\) do not fit in memory at once; set training.*activation_checkpointing",
    ):
        batch_gradient(run, model, TokenStore.open(tokens), 0, 1)
