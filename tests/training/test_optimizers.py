"""Every optimizer, step by step, against plain formulas in NumPy, and against torch's own where it has one."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from relscale.design.recipes.laptop import architecture, hyperparameters
from relscale.errors import RelscaleError
from relscale.training import cautious
from relscale.training.adam import Adam, build_adam
from relscale.training.cpu import cautious as cpu_cautious
from relscale.training.cpu import native
from relscale.training.model import Decoder
from relscale.training.optimizers import build_optimizer
from relscale.training.optimizers.muon import Muon, newton_schulz

pytestmark = pytest.mark.slow

NAMES = ["adamw", "adamc", "c-adamw", "c-adamc", "muon"]
PEAK, BETAS, EPSILON, DECAY = 0.02, (0.95, 0.98), 1e-15, 0.1


def adam_reference(w, g, memory, step, lr, decay=DECAY, is_cautious=False, is_corrected=False):
    """The new weights; ``memory`` has the two moments, and is changed."""
    memory["m"] = BETAS[0] * memory.get("m", 0.0) + (1 - BETAS[0]) * g
    memory["v"] = BETAS[1] * memory.get("v", 0.0) + (1 - BETAS[1]) * g**2
    update = memory["m"] / (1 - BETAS[0] ** step) / (np.sqrt(memory["v"] / (1 - BETAS[1] ** step)) + EPSILON)
    if is_cautious:
        agrees = np.sign(update) == np.sign(g)
        update = np.where(agrees, update, 0.0) / max(agrees.mean(), 1e-3)
    shrink = lr * decay * (lr / PEAK if is_corrected else 1.0)
    return w - shrink * w - lr * update


def muon_reference(w, g, memory, step, lr, decay=DECAY):
    """The new matrix, its momentum's singular values mapped one by one, with no matrix iteration."""
    memory["m"] = BETAS[0] * memory.get("m", 0.0) + (1 - BETAS[0]) * g
    ahead = BETAS[0] * memory["m"] + (1 - BETAS[0]) * g
    left, values, right = np.linalg.svd(ahead, full_matrices=False)
    values = values / np.sqrt((values**2).sum())
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return w - lr * decay * w - lr * 0.2 * np.sqrt(max(w.shape)) * (left * values) @ right


REFERENCES = {
    "adamw": {},
    "adamc": {"is_corrected": True},
    "c-adamw": {"is_cautious": True},
    "c-adamc": {"is_cautious": True, "is_corrected": True},
    "muon": {},
}


def tried(name, a):
    """Hyperparameters of the references above."""
    return replace(
        hyperparameters(name, a, 4),
        learning_rate=PEAK,
        beta1=BETAS[0],
        beta2=BETAS[1],
        epsilon=EPSILON,
        weight_decay=DECAY,
    )


@pytest.mark.parametrize("kind", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_updated_as_by_the_plain_reference_over_a_whole_schedule(name, kind):
    a = architecture(32, 8, 40)
    model = Decoder(a).to(kind)
    near = {"rtol": 1e-9, "atol": 1e-11} if kind == torch.float64 else {"rtol": 1e-4, "atol": 2e-5}
    optimizer = build_optimizer(model, tried(name, a))
    generator = torch.Generator().manual_seed(1)
    expected = {key: p.detach().double().numpy().copy() for key, p in model.named_parameters()}
    memories = {key: {} for key in expected}
    for step in range(1, 31):
        lr = PEAK * min(step / 5, (31 - step) / 20)
        for group in optimizer.param_groups:
            group["lr"] = lr
        for key, p in model.named_parameters():
            p.grad = torch.randn(p.shape, generator=generator, dtype=kind) * 10.0 ** (step % 5 - 2)
            gradient = p.grad.double().numpy().copy()
            matrix = key.endswith("_proj.weight")
            decay = DECAY if matrix or key == "lm_head.weight" else 0.0
            rule = muon_reference if name == "muon" and matrix else adam_reference
            expected[key] = rule(
                expected[key], gradient, memories[key], step, lr, decay, **(REFERENCES[name])
            )
        optimizer.step()
        for key, p in model.named_parameters():
            np.testing.assert_allclose(p.detach().double().numpy(), expected[key], **near)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    bundle=st.integers(5, 64),
)
def test_tensors_in_pieces_and_pieces_in_bundles_change_nothing(seed, sizes, bundle):
    whole, cautious.BUNDLE = cautious.BUNDLE, bundle
    try:
        generator = torch.Generator().manual_seed(seed)
        draw = lambda n: torch.randn(n, generator=generator, dtype=torch.float64)  # noqa: E731
        parameters = [draw(n).requires_grad_() for n in sizes]
        expected, memories = [p.detach().numpy().copy() for p in parameters], [{} for _ in sizes]
        optimizer = Adam(parameters, PEAK, BETAS, EPSILON, DECAY, cautious=True)
        for step in range(1, 7):
            for i, p in enumerate(parameters):
                p.grad = draw(p.numel())
                expected[i] = adam_reference(
                    expected[i], p.grad.numpy().copy(), memories[i], step, PEAK, is_cautious=True
                )
            optimizer.step()
            for p, weights in zip(parameters, expected, strict=True):
                np.testing.assert_allclose(p.detach().numpy(), weights, rtol=1e-9, atol=1e-12)
    finally:
        cautious.BUNDLE = whole


def random_tensors(seed, *shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def test_what_moves_weights_on_an_accelerator_moves_them_as_on_the_processor():
    weight, update = random_tensors(0, (7, 5), (7, 5))
    there = weight.clone()
    kept, sizes = torch.tensor([20.0]), [35]
    cautious._move_on_device([there], [update.clone()], kept, sizes, 0.1, 0.3)
    cautious._move_on_host([weight], [update], kept, sizes, 0.1, 0.3)
    torch.testing.assert_close(there, weight)


@pytest.mark.parametrize("share", [1.0, 0.4, 0.0])
def test_the_masked_update_is_divided_by_the_share_that_is_kept_but_grows_a_thousandfold_at_most(share):
    weight, update = random_tensors(1, (50,), (50,))
    expected = weight * (1 - 0.1 * 0.3) - 0.1 * update / max(share, 1e-3)
    cautious._move_on_host([weight], [update], torch.tensor([50 * share]), [50], 0.1, 0.3)
    torch.testing.assert_close(weight, expected)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_kernel_in_c_updates_as_torchs_kernels_do(monkeypatch, threads):
    if native.library() is None:
        pytest.skip("no C compiler here")
    monkeypatch.setattr(cpu_cautious, "SMALLEST_THREADED", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    shapes = [(300, 7), (5,), (40, 150)]
    moved = []
    for library in (native.library, lambda: None):
        monkeypatch.setattr(native, "library", library)
        parameters = [weight.float().requires_grad_() for weight in random_tensors(2, *shapes)]
        optimizer = Adam(parameters, PEAK, BETAS, EPSILON, DECAY, cautious=True, corrected=True)
        for step in range(20):
            optimizer.param_groups[0]["lr"] = PEAK * step / 20
            for p, gradient in zip(parameters, random_tensors(step, *shapes), strict=True):
                p.grad = gradient.float()
            optimizer.step()
        moved.append(parameters)
    for one, other in zip(*moved, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_how_many_threads_there_are_changes_no_bit(monkeypatch):
    monkeypatch.setattr(cpu_cautious, "SMALLEST_THREADED", 0)
    moved = []
    for threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        parameters = [
            weight.float().requires_grad_() for weight in random_tensors(3, (99,), (70, 80), (5000,))
        ]
        optimizer = Adam(parameters, PEAK, BETAS, EPSILON, DECAY, cautious=True)
        for step in range(5):
            for p, gradient in zip(parameters, random_tensors(step, (99,), (70, 80), (5000,)), strict=True):
                p.grad = gradient.float()
            optimizer.step()
        moved.append(parameters)
    assert all(torch.equal(one, other) for one, other in zip(*moved, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_state_goes_on_bit_for_bit(name):
    a = architecture(32, 8, 40)
    torch.manual_seed(0)
    model = Decoder(a)
    optimizer = build_optimizer(model, tried(name, a))

    def train(model, optimizer, steps):
        for step in steps:
            generator = torch.Generator().manual_seed(step)
            for group in optimizer.param_groups:
                group["lr"] = PEAK / step
            for p in model.parameters():
                p.grad = torch.randn(p.shape, generator=generator)
            optimizer.step()

    train(model, optimizer, range(1, 6))
    again = copy.deepcopy(model)
    resumed = build_optimizer(again, tried(name, a))
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    train(model, optimizer, range(6, 10))
    train(again, resumed, range(6, 10))
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(("name", "is_cautious"), [("adamw", False), ("c-adamw", True)])
def test_without_mask_or_correction_it_is_torchs_adamw(name, is_cautious):
    # Gradients of one sign: the cautious mask keeps every coordinate.
    torch.manual_seed(0)
    ours, theirs = (torch.ones(3, 5, dtype=torch.float64).requires_grad_() for _ in range(2))
    optimizer = Adam([ours], PEAK, BETAS, EPSILON, DECAY, cautious=is_cautious)
    adamw = torch.optim.AdamW([theirs], PEAK, BETAS, EPSILON, DECAY)
    for _ in range(20):
        gradient = torch.rand(3, 5, dtype=torch.float64) + 0.1
        ours.grad, theirs.grad = gradient.clone(), gradient
        optimizer.step()
        adamw.step()
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("shape", [(16, 16), (64, 16), (16, 64)])
def test_muon_is_torchs_own_within_its_bfloat16(shape):
    torch.manual_seed(0)
    ours, theirs = (torch.zeros(shape, requires_grad=True) for _ in range(2))
    muon = Muon([ours], PEAK, BETAS, EPSILON, DECAY, orthogonal=True)
    torchs = torch.optim.Muon(
        [theirs], PEAK, weight_decay=DECAY, momentum=BETAS[0], adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(20):
        gradient = torch.randn(shape)
        ours.grad, theirs.grad = gradient.clone(), gradient
        muon.step()
        torchs.step()
    assert torch.linalg.norm(ours - theirs) < 0.02 * torch.linalg.norm(theirs)


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 12))
def test_newton_schulz_keeps_singular_vectors_and_levels_singular_values(seed, rows, columns):
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(1, rows, columns, generator=generator, dtype=torch.float64)
    left, values, right = np.linalg.svd(matrix[0].numpy(), full_matrices=False)
    levelled = left.T @ newton_schulz(matrix)[0].numpy() @ right.T
    np.testing.assert_allclose(levelled, np.diag(np.diag(levelled)), atol=1e-9)
    large = values / np.sqrt((values**2).sum()) > 0.01
    assert (np.diag(levelled)[large] > 0.6).all()
    assert (np.diag(levelled) < 1.3).all()


def test_an_update_of_muon_has_the_root_mean_square_of_adamws():
    torch.manual_seed(0)
    weight = torch.zeros(64, 256, requires_grad=True)
    optimizer = Muon([weight], 1.0, BETAS, EPSILON, 0.0, orthogonal=True)
    weight.grad = torch.randn(64, 256)
    optimizer.step()
    assert weight.square().mean().sqrt().item() == pytest.approx(0.2, rel=0.3)


def test_without_gradient_nothing_moves_but_by_decay():
    for is_cautious in (False, True):
        weight = torch.ones(4, requires_grad=True)
        optimizer = Adam([weight], lr=0.1, weight_decay=0.5, cautious=is_cautious)
        weight.grad = torch.zeros(4)
        optimizer.step()
        torch.testing.assert_close(weight.detach(), torch.full((4,), 0.95))


@pytest.mark.parametrize("is_cautious", [False, True])
def test_corrected_decay_falls_as_the_square_of_the_learning_rate(is_cautious):
    shrinkage = []
    for lr in (0.1, 0.05):
        weight = torch.ones(1, dtype=torch.float64, requires_grad=True)
        optimizer = Adam([weight], lr=0.1, weight_decay=0.5, cautious=is_cautious, corrected=True)
        optimizer.param_groups[0]["lr"] = lr
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
        shrinkage.append(1 - weight.item())
    assert shrinkage[0] == pytest.approx(4 * shrinkage[1])


@pytest.mark.parametrize("name", NAMES)
def test_matrices_decay_and_norms_and_the_input_embedding_do_not(name):
    model = Decoder(architecture(16, 8, 32))
    optimizer = build_optimizer(model, hyperparameters(name, architecture(16, 8, 32), 4))
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    for parameter_name, parameter in model.named_parameters():
        matrix = parameter_name.endswith("_proj.weight") or parameter_name == "lm_head.weight"
        assert decay[id(parameter)] == (0.1 if matrix else 0.0), parameter_name


@pytest.mark.parametrize("name", NAMES)
def test_embeddings_and_norms_can_have_a_learning_rate_of_their_own(name):
    model = Decoder(architecture(16, 8, 32))
    given = hyperparameters(name, architecture(16, 8, 32), 4)
    optimizer = build_optimizer(model, replace(given, vector_learning_rate=3 * given.learning_rate))
    scale = {id(p): group["scale"] for group in optimizer.param_groups for p in group["params"]}
    for parameter_name, parameter in model.named_parameters():
        matrix = parameter_name.endswith("_proj.weight") or parameter_name == "lm_head.weight"
        assert scale[id(parameter)] == pytest.approx(1 if matrix else 3), parameter_name


def test_under_random_gradients_a_matrix_settles_at_the_scale_of_rate_by_decay():
    rate, decay = 0.02, 0.2
    largest = []
    for width, share in ((32, 0.952), (64, 0.968), (128, 0.983)):
        torch.manual_seed(0)
        weight = torch.nn.Parameter(torch.randn(width, width) * 0.01)
        optimizer = torch.optim.AdamW([weight], rate, betas=(0.9, 0.99), weight_decay=decay)
        for _ in range(round(3 / (rate * decay))):
            weight.grad = torch.randn(width, width)
            optimizer.step()
        settled = width * (rate / (2 * decay)) ** 0.5
        assert weight.detach().norm().item() / settled == pytest.approx(share, abs=0.03)
        largest.append(torch.linalg.matrix_norm(weight.detach(), 2).item())
    # Noise alone gives the exponent ½; 0.75 was seen on models.
    assert np.log(largest[2] / largest[0]) / np.log(4) == pytest.approx(0.5, abs=0.06)


def test_the_output_layer_can_keep_plain_decay():
    a = architecture(16, 8, 32)
    model = Decoder(a)
    for correct in (True, False):
        optimizer = build_adam(
            model, hyperparameters("adamc", a, 4), corrected=True, correct_output_layer=correct
        )
        corrected = {id(p): group["corrected"] for group in optimizer.param_groups for p in group["params"]}
        assert corrected[id(model.lm_head.weight)] is correct
        assert corrected[id(model.layers[0].mlp.up_proj.weight)] is True


def test_an_unknown_optimizer_is_named_with_those_there_are():
    a = architecture(16, 8, 32)
    with pytest.raises(
        RelscaleError, match=r"no optimizer 'sofia'; there are adamc, adamw, c-adamc, c-adamw, muon"
    ):
        build_optimizer(Decoder(a), hyperparameters("sofia", a, 4))


@pytest.mark.parametrize("name", ["c-adamc", "adamc", "c-adamw", "muon"])  # adamw is torch's own
def test_a_step_reads_no_value_back_from_a_device(name):
    """Tensors on torch's device "meta" have no values: reading one, which makes a GPU wait, raises."""
    a = architecture(64, 32, 300)
    model = Decoder(a).to("meta")
    optimizer = build_optimizer(model, hyperparameters(name, a, 4))
    for _ in range(2):
        for parameter in model.parameters():
            parameter.grad = torch.empty_like(parameter)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    with pytest.raises(RuntimeError, match="meta"):
        model.norm.weight.sum().item()
