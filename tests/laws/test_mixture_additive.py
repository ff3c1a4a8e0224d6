"""The additive mixture law is defined for shares of 0 and more; anything else has no loss."""

import numpy as np
import pytest

from relscale.laws import mixture_additive
from relscale.laws.other_optima import other_optima


@pytest.mark.parametrize("share", [-0.1, np.nan])
def test_a_share_that_is_none_has_no_loss_but_a_share_of_zero_does(share):
    theta = np.array([1.0, 2.0, 3.0, 0.5, 0.7])
    with np.errstate(invalid="ignore"):
        found = mixture_additive.value(theta, np.array([[share, 0.0], [0.5, 0.5]]))
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(1 + 1 / (3 * 0.5**0.7))


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
