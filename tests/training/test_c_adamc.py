"""C-AdamC against plain Python: lists of floats, a coordinate at a time."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from relscale.design.recipes.laptop import architecture, hyperparameters
from relscale.errors import RelscaleError
from relscale.training.model import Decoder
from relscale.training.optimizers import build_optimizer, c_adamc
from relscale.training.optimizers.c_adamc import CAdamC


def reference_step(weights, gradients, m, v, step, lr, peak, beta1, beta2, eps, decay, corrected):
    """One step of one tensor, in place."""
    kept, updates = 0, []
    for i, g in enumerate(gradients):
        m[i] = beta1 * m[i] + (1 - beta1) * g
        v[i] = beta2 * v[i] + (1 - beta2) * g * g
        update = (m[i] / (1 - beta1**step)) / (math.sqrt(v[i] / (1 - beta2**step)) + eps)
        agrees = update * g > 0
        kept += agrees
        updates.append(update if agrees else 0.0)
    share = max(kept / len(gradients), 1e-3)
    shrink = lr * decay * (lr / peak if corrected else 1.0)
    for i, update in enumerate(updates):
        weights[i] = weights[i] * (1 - shrink) - lr * update / share


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    bundle=st.integers(5, 64),
    corrected=st.booleans(),
)
def test_every_step_is_that_of_the_plain_reference(seed, sizes, bundle, corrected):
    generator = torch.Generator().manual_seed(seed)
    betas, eps, decay, peak = (0.95, 0.98), 1e-15, 0.1, 0.02
    parameters = [torch.randn(n, generator=generator, dtype=torch.float64).requires_grad_() for n in sizes]
    optimizer = CAdamC(parameters, peak, betas, eps, decay, corrected)
    weights = [p.tolist() for p in parameters]
    m, v = [[0.0] * n for n in sizes], [[0.0] * n for n in sizes]
    whole, c_adamc.BUNDLE = c_adamc.BUNDLE, bundle
    try:
        for step in range(1, 7):
            lr = peak * (1 - step / 10)
            optimizer.param_groups[0]["lr"] = lr
            for i, p in enumerate(parameters):
                p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64)
                gradients = p.grad.tolist()
                reference_step(
                    weights[i], gradients, m[i], v[i], step, lr, peak, *betas, eps, decay, corrected
                )
            optimizer.step()
            for p, expected in zip(parameters, weights, strict=True):
                assert p.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    finally:
        c_adamc.BUNDLE = whole


def test_where_all_gradients_keep_their_sign_it_is_torchs_adamw():
    torch.manual_seed(0)
    ours, theirs = (torch.ones(3, 5, dtype=torch.float64).requires_grad_() for _ in range(2))
    cautious = CAdamC([ours], 0.01, (0.9, 0.99), 1e-15, 0.1)
    adamw = torch.optim.AdamW([theirs], 0.01, (0.9, 0.99), 1e-15, 0.1)
    for _ in range(5):
        gradient = torch.rand(3, 5, dtype=torch.float64) + 0.1
        ours.grad, theirs.grad = gradient.clone(), gradient
        cautious.step()
        adamw.step()
    torch.testing.assert_close(ours, theirs)


def test_without_gradient_nothing_moves_but_by_decay():
    weight = torch.ones(4, requires_grad=True)
    optimizer = CAdamC([weight], lr=0.1, weight_decay=0.5)
    weight.grad = torch.zeros(4)
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.full((4,), 0.95))


def test_corrected_decay_falls_as_the_square_of_the_learning_rate():
    shrinkage = []
    for lr in (0.1, 0.05):
        weight = torch.ones(1, dtype=torch.float64, requires_grad=True)
        optimizer = CAdamC([weight], lr=0.1, weight_decay=0.5)
        optimizer.param_groups[0]["lr"] = lr
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
        shrinkage.append(1 - weight.item())
    assert shrinkage[0] == pytest.approx(4 * shrinkage[1])


@pytest.mark.parametrize("name", ["c-adamc", "adamw"])
def test_matrices_decay_and_norms_and_the_input_embedding_do_not(name):
    model = Decoder(architecture(16, 8, 32))
    h = hyperparameters(name, architecture(16, 8, 32), 4)
    optimizer = build_optimizer(model, h)
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    for parameter_name, parameter in model.named_parameters():
        matrix = parameter_name.endswith("_proj.weight") or parameter_name == "lm_head.weight"
        assert decay[id(parameter)] == (0.1 if matrix else 0.0), parameter_name


def test_the_output_layer_can_keep_plain_decay():
    a = architecture(16, 8, 32)
    model = Decoder(a)
    for correct in (True, False):
        optimizer = c_adamc.build(model, hyperparameters("c-adamc", a, 4), correct_output_layer=correct)
        corrected = {id(p): group["corrected"] for group in optimizer.param_groups for p in group["params"]}
        assert corrected[id(model.lm_head.weight)] is correct
        assert corrected[id(model.layers[0].mlp.up_proj.weight)] is True


def test_an_unknown_optimizer_is_named_with_those_there_are():
    a = architecture(16, 8, 32)
    with pytest.raises(RelscaleError, match=r"no optimizer 'sofia'; there are .*adamw, c-adamc"):
        build_optimizer(Decoder(a), hyperparameters("sofia", a, 4))
