"""The additive mixture law is defined for shares of 0 and more; anything else has no loss."""

import numpy as np
import pytest

from relscale.laws import additive_effects, mixture_additive
from relscale.laws.law import ALL
from relscale.laws.other_optima import other_optima


@pytest.mark.parametrize("share", [-0.1, np.nan])
def test_a_share_that_is_none_has_no_loss_but_a_share_of_zero_does(share):
    theta = np.array([1.0, 2.0, 3.0, 0.5, 0.7])
    with np.errstate(invalid="ignore"):
        found = mixture_additive.value(theta, np.array([[share, 0.0], [0.5, 0.5]]))
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(1 + 1 / (3 * 0.5**0.7))


@pytest.mark.parametrize("data_sets", [1, 3])
def test_repeated_shares_and_those_of_none_give_the_formula_and_its_derivatives(data_sets: int) -> None:
    rng = np.random.default_rng(0)
    x = np.where(rng.random((4, 30, data_sets)) < 0.3, 0.0, rng.random((4, 30, data_sets)).round(1))
    x[0] += 0.1  # some part is present everywhere
    theta = np.exp(rng.normal(0, 0.3, (9, 3)))
    loss, slopes = additive_effects.at(x)(theta)
    effects = sum(theta[1 + i] * x[i] ** theta[5 + i] for i in range(4))
    assert loss == pytest.approx(theta[0] + 1 / effects, rel=1e-12)
    found = slopes(np.ones(loss.shape), ALL)
    first = slopes(np.ones((30, 1)), np.array([0]))
    assert np.array_equal(first, found[..., :1])
    for i, size in enumerate(1e-5 * theta):
        step = size * np.eye(9)[i][:, None]
        difference = additive_effects.value(theta + step, x) - additive_effects.value(theta - step, x)
        assert found[i] == pytest.approx(difference / (2 * size), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("exponent", [0.02, 0.4, 5.0])
def test_another_optimum_restores_the_one_part_whose_effect_is_missing(exponent: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.dirichlet(np.full(4, 0.5), size=200).T
    truth = np.array([2.0, 0.5, 0.4, 0.3, 0.05, 0.3, 0.5, 0.7, exponent])
    y = mixture_additive.value(truth, x)[:, None]
    without = truth.copy()
    without[[4, 8]] = 1e-9, 1.0
    found = other_optima(without[:, None], x, y, np.ones_like(y))[:, 0]
    changed = found != without
    assert np.flatnonzero(changed).tolist() == [4, 8]
    before, after = (
        np.square(mixture_additive.value(theta, x) - y[:, 0]).sum() for theta in (without, found)
    )
    assert after < before / 4
