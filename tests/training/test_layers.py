import pytest
import torch
import torch.nn.functional as F

from relscale.training.ops import EPSILON, rms_norm, rotary, rotary_tables

pytestmark = pytest.mark.slow


def test_rms_norm_is_torchs_and_its_gradient_that_of_finite_differences():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(rms_norm(x, weight), F.rms_norm(x, (5,), weight, EPSILON))
    assert torch.autograd.gradcheck(rms_norm, (x, weight))


def test_rms_norm_of_a_narrow_type_is_computed_in_the_weights():
    x = torch.full((1, 4), 300.0, dtype=torch.bfloat16, requires_grad=True)
    y = rms_norm(x, torch.ones(4))
    y.sum().backward()
    assert y.dtype == x.grad.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), torch.ones(1, 4))


def test_rotation_turns_each_pair_by_its_angle():
    # The definition, as complex numbers: (x_i + j·x_{i+d/2}) · exp(j·t·10000^(−2i/d)).
    torch.manual_seed(0)
    steps, half = 6, 4
    x = torch.randn(2, steps, 3, 2 * half)
    angles = torch.arange(steps)[:, None] * 10000.0 ** (-torch.arange(half) / half)
    turned = (
        torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones(steps, half), angles)[:, None]
    )
    expected = torch.cat((turned.real, turned.imag), dim=-1)
    torch.testing.assert_close(rotary(x, *rotary_tables(steps, 2 * half)), expected)


def test_rotations_gradient_is_that_of_finite_differences():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 2, 4, dtype=torch.float64, requires_grad=True)
    cos, sin = (table.double() for table in rotary_tables(3, 4))
    assert torch.autograd.gradcheck(lambda x: rotary(x, cos, sin), (x,))


def test_scores_of_rotated_queries_and_keys_depend_on_distance_alone():
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 1, 1, 8).expand(2, 1, 10, 1, 8)
    tables = rotary_tables(10, 8)
    scores = rotary(query, *tables).squeeze() @ rotary(key, *tables).squeeze().t()
    for distance in range(-9, 10):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=1e-4, atol=1e-5)
