import pkgutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode, addmm_flop

from relscale.design import recipes
from relscale.design.architecture import Architecture, forward_flops_per_token, parameters
from relscale.design.recipes import recipe
from relscale.design.recipes.laptop import architecture as laptop
from relscale.training.model import Decoder

RECIPES = {module.name.replace("_", "-") for module in pkgutil.iter_modules(recipes.__path__)}

# The counter knows torch.addmm, and not its form in place.
IN_PLACE = {torch.ops.aten.addmm_: lambda to, left, right, **_: addmm_flop(to, left, right)}


# The counter sees torch's products, and none of those inside a kernel (``test_native``).
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("torch_alone")]


@st.composite
def architectures(draw) -> Architecture:
    """Small decoders: grouped queries, odd widths, head sizes that do not add up to the width."""
    kv_heads = draw(st.integers(1, 3))
    return Architecture(
        vocabulary_size=draw(st.integers(2, 70)),
        sequence_length=draw(st.integers(1, 12)),
        hidden_size=draw(st.integers(1, 24)),
        num_layers=draw(st.integers(0, 3)),
        num_heads=kv_heads * draw(st.integers(1, 3)),
        num_kv_heads=kv_heads,
        head_size=2 * draw(st.integers(1, 5)),
        intermediate_size=draw(st.integers(1, 40)),
    )


@settings(max_examples=40, deadline=None)
@given(architectures())
def test_parameters_are_those_of_the_built_model(a):
    assert sum(parameter.numel() for parameter in Decoder(a).parameters()) == parameters(a)


@settings(max_examples=25, deadline=None)
@given(architectures(), st.integers(1, 3))
def test_forward_flops_are_the_matrix_products_that_run_and_the_softmax_term(a, batch):
    tokens = torch.zeros(batch, a.sequence_length, dtype=torch.long)
    model = Decoder(a)
    # The reference attention shows its two products to the counter; they do not skip the masked half.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        model(tokens)
    softmax = 3 * a.sequence_length * a.num_heads * a.num_layers
    assert counter.get_total_flops() == tokens.numel() * (forward_flops_per_token(a) - softmax)


@pytest.mark.parametrize(
    ("name", "sequence_length", "vocabulary_size", "widths"),
    [
        ("held2025", 4096, 128_256, (512, 896, 1536, 4096)),
        ("laptop", 256, 2048, (8, 12, 16, 24, 32, 48, 64, 96, 128, 192)),
        ("step-law", 2048, 32_000, (64, 512, 1536)),
        ("width-transfer", 2048, 32_000, (64, 512, 1536)),
        ("layerwise-decay", 2048, 32_000, (64, 512, 1536)),
        ("compound", 2048, 32_000, (64, 512, 1728)),
    ],
)
def test_every_recipe_counts_what_its_models_have_and_do(name, sequence_length, vocabulary_size, widths):
    assert name in RECIPES
    for width in widths:
        a = recipe(name).architecture(width, sequence_length, vocabulary_size)
        with torch.device("meta"):  # shapes without memory
            model = Decoder(a)
            tokens = torch.zeros(1, sequence_length, dtype=torch.long)
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
            model(tokens)
        softmax = 3 * a.sequence_length * a.num_heads * a.num_layers
        assert sum(parameter.numel() for parameter in model.parameters()) == parameters(a)
        assert counter.get_total_flops() == sequence_length * (forward_flops_per_token(a) - softmax)


def test_no_recipe_goes_uncounted():
    assert {"compound", "held2025", "laptop", "layerwise-decay", "step-law", "width-transfer"} == RECIPES


def test_training_flops_are_three_times_the_matrix_products_of_the_forward_pass():
    # The fused loss computes each of the output layer's three products once; the input embedding has none.
    a = Architecture(64, 8, 12, 2, 4, 2, 6, 20)
    model = Decoder(a)
    tokens = torch.randint(64, (3, 9))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as forward, torch.no_grad():
        model(tokens[:, 1:])
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False, custom_mapping=IN_PLACE) as both:
        model.loss(tokens).backward()
    assert both.get_total_flops() == 3 * forward.get_total_flops()


@settings(max_examples=20, deadline=None)
@given(architectures(), st.data())
def test_later_tokens_leave_earlier_logits_alone(a, data):
    cut = data.draw(st.integers(1, a.sequence_length))
    torch.manual_seed(0)
    model = Decoder(a).double()
    tokens = torch.randint(a.vocabulary_size, (2, a.sequence_length))
    changed = tokens.clone()
    changed[:, cut:] = torch.randint(a.vocabulary_size, changed[:, cut:].shape)
    with torch.no_grad():
        torch.testing.assert_close(model(tokens)[:, :cut], model(changed)[:, :cut])


def test_the_loss_is_the_cross_entropy_of_the_logits():
    torch.manual_seed(0)
    model = Decoder(laptop(32, 64, 300)).double()
    tokens = torch.randint(300, (3, 65))
    logits = model(tokens[:, :-1])
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    wanted = torch.autograd.grad(expected, list(model.parameters()))
    loss = model.loss(tokens)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(torch.autograd.grad(loss, list(model.parameters())), wanted)


def test_an_untrained_model_knows_nothing():
    torch.manual_seed(0)
    with torch.no_grad():
        loss = Decoder(laptop(64, 32, 2048)).loss(torch.randint(2048, (8, 33)))
    assert abs(loss.item() - torch.tensor(2048.0).log().item()) < 0.05
