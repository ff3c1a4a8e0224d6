"""The kernels in C, with products in float32 and bf16, against the same functions by torch's operations, in float64."""

import math
from contextlib import nullcontext
from functools import partial

import pytest
import torch
from damage import cut, emptied, flipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relscale.design.architecture import Architecture
from relscale.errors import RelscaleError
from relscale.training.cpu import bf16, native
from relscale.training.distributed_model import DistributedModel
from relscale.training.fabric import launch
from relscale.training.model import Decoder
from relscale.training.numerical_path import check_kernels, numerical_path
from relscale.training.ops import (
    attention,
    cautious_adamw,
    cross_entropy,
    projections,
    rms_norm,
    rms_norm_rotary,
    rotary_tables,
    swiglu,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def kernels():
    """One thread, without which the kernels stay out; a machine without a compiler has none."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    if native.library() is None:
        pytest.skip("no C compiler, so training runs on torch's operations alone")
    yield
    torch.set_num_threads(threads)


def agree(function, *tensors, tolerance=2e-5):
    """Value and gradients of the kernels are those of torch in float64, but for rounding of their largest entries.

    An entry that is the small difference of large terms has their rounding.
    """
    kernels = [tensor.clone().requires_grad_() for tensor in tensors]
    exact = [tensor.double().requires_grad_() for tensor in tensors]
    assert native.usable(*kernels)
    assert not native.usable(*exact)
    value, expected = function(*kernels), function(*exact)
    upstream = torch.randn(expected.shape, dtype=torch.float64)
    gradients = torch.autograd.grad(value, kernels, upstream.float())
    exact_gradients = torch.autograd.grad(expected, exact, upstream)
    for found, wanted in zip((value, *gradients), (expected, *exact_gradients), strict=True):
        assert (found - wanted).abs().max() <= tolerance * (1 + wanted.abs().max())


sizes = st.integers(1, 40)


@pytest.fixture
def bf16_products():
    if not bf16.available():
        pytest.skip("this processor does not multiply bf16")
    with bf16.bf16_products():
        yield


def rounded(tensor):
    return tensor.bfloat16().double()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.integers(1, 300), inputs=st.integers(1, 140), outputs=st.integers(1, 140))
def test_a_product_in_bf16_rounds_its_factors_and_nothing_else(rows, inputs, outputs, bf16_products):
    x, weights = torch.randn(rows, inputs), (torch.randn(outputs, inputs), torch.randn(3, inputs))
    gradients = torch.randn(rows, outputs), torch.randn(rows, 3)
    leaves = [tensor.requires_grad_() for tensor in (x, *weights)]
    found = projections(*leaves)
    grad_x, *grad_weights = torch.autograd.grad(found, leaves, gradients)
    close = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-4, check_dtype=False)
    for value, weight in zip(found, weights, strict=True):
        close(value, rounded(x) @ rounded(weight).T)
    close(grad_x, sum(rounded(g) @ rounded(weight) for g, weight in zip(gradients, weights, strict=True)))
    for found_gradient, gradient in zip(grad_weights, gradients, strict=True):
        close(found_gradient, rounded(gradient).T @ rounded(x))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.integers(1, 160), width=st.integers(1, 70), vocabulary=st.integers(1, 300))
def test_a_loss_in_bf16_is_that_of_rounded_states_and_weights(rows, width, vocabulary, bf16_products):
    hidden, weight = torch.randn(rows, width, requires_grad=True), torch.randn(vocabulary, width)
    targets = torch.randint(vocabulary, (rows,))
    weight.requires_grad_()
    exact = [rounded(tensor.detach()).requires_grad_() for tensor in (hidden, weight)]
    loss, expected = cross_entropy(hidden, weight, targets), cross_entropy(*exact, targets)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-6)
    states, output = (each.detach() for each in exact)
    difference = (states @ output.T).softmax(-1) - torch.nn.functional.one_hot(targets, vocabulary)
    largest = difference.abs() * 2**-8 / rows  # how far a difference is from its own, which has 8 bits
    bounds = largest @ output.abs(), largest.T @ states.abs()
    found = torch.autograd.grad(loss, (hidden, weight))
    for gradient, wanted, bound in zip(found, torch.autograd.grad(expected, exact), bounds, strict=True):
        assert torch.all((gradient - wanted).abs() <= bound + 1e-6)
    with torch.no_grad():
        assert cross_entropy(hidden, weight, targets) == loss


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batch=st.integers(1, 2),
    length=st.integers(1, 150),
    key_heads=st.integers(1, 2),
    group=st.integers(1, 3),
    size=st.integers(1, 70),
)
def test_attention_in_bf16_is_that_of_float64_but_for_rounding(
    batch, length, key_heads, group, size, bf16_products
):
    tensors = [torch.randn(batch, length, heads, size) for heads in (key_heads * group, key_heads, key_heads)]
    exact = [rounded(tensor).requires_grad_() for tensor in tensors]
    found = attention(*[tensor.requires_grad_() for tensor in tensors])
    expected = attention(*exact)
    assert (found - expected).norm() <= 2**-7 * expected.norm()
    upstream = torch.randn_like(found)
    largest = max(tensor.detach().abs().max() for tensor in tensors)
    terms = upstream.norm() * largest**2  # a gradient may be the small difference of such terms
    gradients = torch.autograd.grad(found, tensors, upstream)
    for gradient, wanted in zip(
        gradients, torch.autograd.grad(expected, exact, rounded(upstream)), strict=True
    ):
        assert (gradient - wanted).norm() <= 2**-7 * (wanted.norm() + terms)


def test_bf16_gives_the_same_bits_again_also_where_layers_are_computed_twice(run):
    if not bf16.available():
        pytest.skip("this processor does not multiply bf16")
    tokens = torch.randint(run.architecture.vocabulary_size, (2, run.architecture.sequence_length + 1))
    found = []
    for recomputed in (False, False, True):
        torch.manual_seed(0)
        decoder = Decoder(run.architecture)
        model = DistributedModel(decoder, run.hyperparameters, launch(), "bf16", recomputed=recomputed)
        with model.precision.forward_context():
            loss = model.loss(tokens)
        loss.backward()
        found.append(torch.cat([weight.grad.flatten() for weight in decoder.parameters()]))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_a_query_without_a_choice_has_no_gradient_in_bf16(bf16_products):
    """The slopes of a row sum to 0 only if the mean that is taken off them is their own, with its rounding."""
    q, k, v = (torch.randn(2, 1, 3, 16, requires_grad=True) for _ in range(3))
    y = attention(q, k, v)
    grad_q, grad_k = torch.autograd.grad(y, (q, k), torch.randn_like(y))
    assert torch.all(grad_q.abs() + grad_k.abs() < 1e-5)


def test_a_model_in_bf16_has_the_gradients_of_one_in_float32_but_for_rounding(bf16_products):
    model = Decoder(Architecture(101, 32, 24, 2, 2, 1, 12, 60))
    tokens = torch.randint(101, (3, 33))
    in_bf16 = torch.autograd.grad(model.loss(tokens), model.parameters())
    model.double()
    exact = torch.autograd.grad(model.loss(tokens), model.parameters())
    for found, wanted in zip(in_bf16, exact, strict=True):
        assert 0 < (found - wanted).norm() < 0.05 * wanted.norm()


@settings(max_examples=25, deadline=None)
@given(rows=sizes, width=sizes)
def test_norm(rows, width):
    agree(rms_norm, torch.randn(rows, width), torch.randn(width))


@settings(max_examples=25, deadline=None)
@given(batch=st.integers(1, 3), length=sizes, heads=st.integers(1, 3), half=st.integers(1, 20))
def test_norm_and_rotation(batch, length, heads, half):
    tables = rotary_tables(length, 2 * half)

    def function(x, weight):
        return rms_norm_rotary(x, weight, *(table.to(x.dtype) for table in tables))

    agree(function, torch.randn(batch, length, heads, 2 * half), torch.randn(2 * half))


@settings(max_examples=25, deadline=None)
@given(rows=sizes, width=sizes, inner=sizes)
def test_swiglu(rows, width, inner):
    matrices = torch.randn(inner, width), torch.randn(inner, width), torch.randn(width, inner)
    agree(swiglu, torch.randn(2, rows, width), *matrices)


@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 2),
    length=st.integers(1, 150),
    key_heads=st.integers(1, 2),
    group=st.integers(1, 3),
    size=sizes,
)
def test_attention_over_several_blocks_and_with_shared_key_heads(batch, length, key_heads, group, size):
    queries = torch.randn(batch, length, key_heads * group, size)
    keys, values = torch.randn(2, batch, length, key_heads, size)
    agree(attention, queries, keys, values)


@settings(max_examples=25, deadline=None)
@given(rows=sizes, width=sizes, heads=st.integers(1, 4))
def test_projections(rows, width, heads):
    weights = [torch.randn(n * heads, width) for n in (3, 1, 1)]
    agree(lambda x, *w: torch.cat(projections(x, *w), -1), torch.randn(2, rows, width), *weights)


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 300), width=sizes, vocabulary=st.integers(1, 3000))
def test_cross_entropy(rows, width, vocabulary):
    targets = torch.randint(vocabulary, (rows,))
    tensors = torch.randn(rows, width), torch.randn(vocabulary, width)
    agree(lambda hidden, weight: cross_entropy(hidden, weight, targets), *tensors)


def test_the_whole_decoder_has_the_loss_and_gradients_of_torchs_operations():
    torch.manual_seed(0)
    model = Decoder(Architecture(300, 97, 24, 2, 6, 2, 10, 50))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.4)
    tokens = torch.randint(300, (3, 98))
    loss = model.loss(tokens)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    model.double()
    expected = model.loss(tokens)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-6, atol=1e-6)
    for gradient, wanted in zip(
        gradients, torch.autograd.grad(expected, list(model.parameters())), strict=True
    ):
        assert (gradient - wanted).norm() < 1e-5 * wanted.norm()


def test_gates_far_from_zero_open_or_close():
    x = torch.tensor([[-1e18], [-200.0], [200.0], [1e18]])
    one = torch.ones(1, 1)
    # silu(x)·x: nothing below, x² above.
    assert swiglu(x, one, one, one).flatten().tolist() == pytest.approx(
        [0, 0, 4e4, 1e36], rel=1e-6, abs=1e-30
    )


def test_what_is_not_a_number_stays_visible():
    weight = torch.randn(5, 4)
    for bad in (math.nan, math.inf):
        hidden = torch.randn(3, 4)
        hidden[1, 2] = bad
        assert cross_entropy(hidden, weight, torch.tensor([0, 1, 2])).isnan()
        assert rms_norm(hidden, torch.ones(4))[1].isnan().any()
        assert swiglu(hidden, weight, weight, weight.t().contiguous())[1].isnan().any()


def test_a_second_backward_pass_through_a_used_up_gate_fails_instead_of_being_wrong():
    x, matrix = torch.randn(3, 4, requires_grad=True), torch.randn(4, 4)
    y = swiglu(x, matrix, matrix, matrix).sum()
    y.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


@pytest.mark.parametrize("in_bf16", [False, True])
def test_second_derivatives_are_refused_instead_of_being_wrong(in_bf16):
    if in_bf16 and not bf16.available():
        pytest.skip("this processor does not multiply bf16")
    model = Decoder(Architecture(50, 8, 16, 1, 2, 1, 8, 20))
    with bf16.bf16_products() if in_bf16 else nullcontext():
        loss = model.loss(torch.randint(50, (2, 9)))
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(loss, list(model.parameters()), create_graph=True)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache folder without kernels; those that are compiled are not optimised, which takes a sixth of the time."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(native, "OPTIONS", tuple(option for option in native.OPTIONS if option != "-O3"))


def test_a_compiler_is_asked_once_and_one_that_fails_is_done_without(own_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "false")
    assert native.library.__wrapped__() is None
    monkeypatch.delenv("CC")
    assert native.library.__wrapped__() is not None
    (made,) = (tmp_path / "relscale").iterdir()
    written = made.stat().st_mtime_ns
    assert native.library.__wrapped__() is not None
    assert made.stat().st_mtime_ns == written
    monkeypatch.setenv("RELSCALE_NATIVE", "0")
    assert native.library.__wrapped__() is None


@pytest.mark.parametrize(
    "compiler", ["/nonexistent", "false", "gcc '", "ccache-of-nobody gcc", "python -c 1"]
)
def test_a_compiler_that_does_not_work_is_done_without_and_said(own_cache, monkeypatch, capsys, compiler):
    monkeypatch.setenv("CC", compiler)
    assert native.library.__wrapped__() is None
    said = capsys.readouterr().err
    assert said.startswith("training without kernels in C, which is slower: ")
    assert said.count("\n") == 1
    assert not numerical_path(1)["kernels"]


@pytest.mark.parametrize("compiler", ["gcc -O1", "env gcc"])
def test_a_compiler_may_have_arguments(own_cache, monkeypatch, compiler):
    monkeypatch.setenv("CC", compiler)
    assert native.library.__wrapped__() is not None
    assert numerical_path(1)["kernels"]


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_compiler_too_old_for_the_processor_makes_the_kernels_that_the_key_names(
    own_cache, tmp_path, monkeypatch
):
    monkeypatch.setenv("CC", script(tmp_path / "old", 'exec gcc "$@" -mno-avx512bf16'))
    kernels = native.library.__wrapped__()
    assert not kernels.has_bf16_products()
    assert numerical_path(1)["kernels"]
    assert not numerical_path(1)["kernels in bf16"]
    check_kernels(1, False, layers=True, products=False)


def test_a_run_whose_kernels_are_not_those_of_its_key_is_refused(own_cache, tmp_path, monkeypatch):
    """The compiler says what it would compile, and then does not."""
    monkeypatch.setenv("CC", script(tmp_path / "bad", 'case "$*" in *-dM*) exec gcc "$@";; esac; exit 1'))
    assert native.library.__wrapped__() is None
    with pytest.raises(RelscaleError, match="the C kernels differ from those in the keys of the runs"):
        check_kernels(1, False, layers=False, products=False)


@pytest.mark.parametrize("damage", [cut, emptied, flipped])
def test_damaged_kernels_are_compiled_again(own_cache, tmp_path, capsys, damage):
    assert native.library.__wrapped__() is not None
    (made,) = (tmp_path / "relscale").iterdir()
    whole = made.read_bytes()
    copy = tmp_path / "copy"  # the one that is loaded stays as it is
    copy.write_bytes(whole)
    damage(copy)
    made.unlink()
    copy.rename(made)
    assert native.library.__wrapped__() is not None
    (made,) = (tmp_path / "relscale").iterdir()
    assert made.read_bytes() == whole
    assert "damaged; compiling it again" in capsys.readouterr().err


def test_a_cautious_step_is_that_of_torchs_kernels():
    torch.manual_seed(0)
    weights = [torch.randn(7, 5), torch.randn(3)]
    moments = [[torch.zeros_like(w) for w in weights] for _ in range(2)]
    exact = [[tensor.double() for tensor in column] for column in (weights, *moments)]
    settings = {"lr": 0.01, "betas": (0.95, 0.9997), "eps": 1e-15, "decay": 0.1}
    for step in range(1, 6):
        gradients = [torch.randn_like(w) for w in weights]
        same = [g.double() for g in gradients]
        cautious_adamw(weights, gradients, *moments, torch.tensor(float(step)), **settings)
        cautious_adamw(exact[0], same, *exact[1:], torch.tensor(float(step)), **settings)
        for ours, theirs in zip((*weights, *gradients), (*exact[0], *same), strict=True):
            torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-6)
