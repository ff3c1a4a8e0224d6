import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from relscale.training import cross_entropy
from relscale.training.ops import cross_entropy as linear_cross_entropy

pytestmark = pytest.mark.slow


def problem(rows: int, width: int, vocabulary: int, dtype: torch.dtype, scale: float = 1.0):
    generator = torch.Generator().manual_seed(rows + width)
    hidden = torch.randn(rows, width, generator=generator, dtype=dtype).mul_(scale).requires_grad_()
    weight = torch.randn(vocabulary, width, generator=generator, dtype=dtype).requires_grad_()
    return hidden, weight, torch.randint(vocabulary, (rows,), generator=generator)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(cross_entropy, "CHUNK_ROWS", 4)
    monkeypatch.setattr(cross_entropy, "CHUNK_LOGITS", 1)


def test_gradients_are_those_of_finite_differences(small_chunks):
    hidden, weight, targets = problem(11, 3, 7, torch.float64)
    assert torch.autograd.gradcheck(lambda h, w: linear_cross_entropy(h, w, targets), (hidden, weight))


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 700), width=st.integers(1, 40), vocabulary=st.integers(1, 3000))
def test_loss_and_gradients_are_those_of_torch_whatever_the_chunks(rows, width, vocabulary):
    hidden, weight, targets = problem(rows, width, vocabulary, torch.float32)
    expected = F.cross_entropy(hidden.double() @ weight.double().t(), targets)
    loss = linear_cross_entropy(hidden, weight, targets)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-6, atol=1e-6)
    wanted = torch.autograd.grad(expected, (hidden, weight))
    torch.testing.assert_close(torch.autograd.grad(loss, (hidden, weight)), wanted, rtol=1e-4, atol=1e-6)


def test_large_logits_are_no_trouble():
    hidden, weight, targets = problem(50, 8, 20, torch.float64, scale=20)
    expected = F.cross_entropy(hidden @ weight.t(), targets)
    torch.testing.assert_close(linear_cross_entropy(hidden, weight, targets), expected)


def test_a_loss_beyond_the_type_saturates_instead_of_becoming_infinite():
    hidden, weight = torch.tensor([[1000.0]]), torch.tensor([[1.0], [-1.0]])
    assert linear_cross_entropy(hidden, weight, torch.tensor([1])).item() == pytest.approx(87.34, abs=0.01)


def test_the_upstream_gradient_scales_both_gradients():
    hidden, weight, targets = problem(9, 4, 6, torch.float64)
    once = torch.autograd.grad(linear_cross_entropy(hidden, weight, targets), (hidden, weight))
    thrice = torch.autograd.grad(3 * linear_cross_entropy(hidden, weight, targets), (hidden, weight))
    torch.testing.assert_close(thrice, tuple(3 * gradient for gradient in once))


def test_no_more_than_a_chunk_of_logits_is_ever_held():
    hidden, weight, targets = problem(8192, 4, 2048, torch.float32)
    with torch.profiler.profile(profile_memory=True) as profile:
        linear_cross_entropy(hidden, weight, targets).backward()
    largest = max(event.self_cpu_memory_usage for event in profile.events())
    assert largest <= 2 * 4 * cross_entropy.CHUNK_LOGITS < 4 * 8192 * 2048


def test_bfloat16_products_stay_close():
    hidden, weight, targets = problem(300, 32, 500, torch.float32, scale=0.3)
    exact = linear_cross_entropy(hidden, weight, targets)
    wanted = torch.autograd.grad(exact, (hidden, weight))
    with torch.autocast("cpu", torch.bfloat16):
        loss = linear_cross_entropy(hidden, weight, targets)
    gradients = torch.autograd.grad(loss, (hidden, weight))
    assert loss.dtype == torch.float32
    assert abs(loss - exact) < 0.01 * exact
    for gradient, want in zip(gradients, wanted, strict=True):
        assert (gradient - want).norm() < 0.02 * want.norm()


class Largest(torch.utils._python_dispatch.TorchDispatchMode):
    """Elements of the largest tensor that any operation makes."""

    elements = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        made = function(*arguments, **(named or {}))
        for tensor in torch.utils._pytree.tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return made


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_the_logits_of_a_batch_are_never_whole_at_a_vocabulary_of_128_thousand(precision):
    generator = torch.Generator().manual_seed(0)
    rows, width, vocabulary = 256, 16, 128_256
    hidden = torch.randn(rows, width, generator=generator, requires_grad=True)
    weight = (torch.randn(vocabulary, width, generator=generator) * 0.02).requires_grad_()
    targets = torch.randint(vocabulary, (rows,), generator=generator)
    with Largest() as largest, torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        loss = linear_cross_entropy(hidden, weight, targets)
        loss.backward()
    assert largest.elements <= max(rows // 2 * vocabulary, vocabulary * width)

    # An independent value: rows one by one, in float64.
    with torch.no_grad():
        exact = [
            torch.logsumexp(weight.double() @ hidden[i].double(), 0)
            - weight[targets[i]].double() @ hidden[i].double()
            for i in range(0, rows, 32)
        ]
        some = linear_cross_entropy(hidden[::32], weight, targets[::32])
    assert some.item() == pytest.approx(torch.stack(exact).mean().item(), rel=1e-5)
    assert loss.item() == pytest.approx(linear_cross_entropy(hidden, weight, targets).item(), rel=2e-3)


@pytest.mark.parametrize("vocabulary", [300, 2048, 128_256, 10**7])
def test_a_gpu_holds_more_logits_at_a_time_in_whole_tiles(vocabulary):
    rows = cross_entropy.chunk_rows(vocabulary, "cuda")
    assert rows % 128 == 0
    assert rows == 128 or rows * vocabulary <= 2**27
    assert rows >= cross_entropy.chunk_rows(vocabulary, "cpu") // 128 * 128
