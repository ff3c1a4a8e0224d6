"""The memory model against what torch allocates, and against itself where no machine is large enough."""

import pytest
import torch

from relscale.design.architecture import Architecture, parameters
from relscale.design.memory import Layout, activation_bytes, device_bytes, gathered_bytes, state_bytes
from relscale.training.model import Decoder

SHAPES = [  # vocabulary, positions, width, layers, heads, key heads, head size, MLP
    Architecture(512, 128, 64, 1, 1, 1, 64, 256),
    Architecture(300, 256, 128, 3, 4, 2, 32, 384),
    Architecture(512, 256, 192, 4, 3, 3, 64, 768),
]
LARGE = Architecture(128_256, 4096, 4096, 40, 32, 32, 128, 16_384)


# What a GPU's operations save; the kernels for one thread of a processor save less.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("torch_alone")]


def tokens(architecture, sequences):
    torch.manual_seed(0)
    return torch.randint(0, architecture.vocabulary_size, (sequences, architecture.sequence_length + 1))


@pytest.mark.parametrize("architecture", SHAPES)
def test_weights_gradients_and_moments_are_what_a_step_of_adamw_leaves(architecture):
    model = Decoder(architecture)
    optimizer = torch.optim.AdamW(model.parameters())
    model.loss(tokens(architecture, 1)).backward()
    optimizer.step()
    held = [tensor for parameter in model.parameters() for tensor in (parameter, parameter.grad)]
    held += [value for state in optimizer.state.values() for name, value in state.items() if name != "step"]
    assert sum(tensor.nbytes for tensor in held) == state_bytes(parameters(architecture))


def saved_bytes(architecture, sequences, bf16):
    """Bytes that autograd saves for the backward pass of a loss, weights and their casts left out."""
    model, batch = Decoder(architecture), tokens(architecture, sequences)
    shapes = {tuple(p.shape) for p in model.parameters()} | {tuple(p.t().shape) for p in model.parameters()}
    storages = {}

    def pack(tensor):
        if tensor.shape not in shapes:
            storages[tensor.untyped_storage().data_ptr()] = (tensor.untyped_storage().nbytes(), tensor)
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
    ):
        model.loss(batch)
    return sum(size for size, _ in storages.values())


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("architecture", SHAPES)
def test_activations_are_what_autograd_saves_within_a_quarter(architecture, bf16):
    few, many = (saved_bytes(architecture, sequences, bf16) for sequences in (2, 6))
    element = 2 if bf16 else 4
    expected = [activation_bytes(architecture, Layout(sequences, element=element)) for sequences in (2, 6)]
    assert expected[1] - expected[0] == pytest.approx(many - few, rel=0.25)


@pytest.mark.parametrize("architecture", [*SHAPES, LARGE])
def test_recomputation_and_sharing_hold_less_of_large_models(architecture):
    plain = activation_bytes(architecture, Layout(4))
    recomputed = activation_bytes(architecture, Layout(4, recompute=True))
    assert (recomputed < plain) == (architecture.num_layers > 1)
    assert gathered_bytes(architecture, Layout(4)) == 0


def test_shares_of_a_large_model_approach_what_no_share_removes():
    needed = [device_bytes(LARGE, Layout(1, shards, 2)) for shards in (1, 2, 8, 64)]
    assert needed == sorted(needed, reverse=True)
    always = gathered_bytes(LARGE, Layout(1, 64, 2)) + activation_bytes(LARGE, Layout(1, 64, 2))
    assert needed[-1] == always + state_bytes(parameters(LARGE)) // 64
