"""The additive mixture law is defined for shares of 0 and more; anything else has no loss."""

import numpy as np
import pytest

from relscale.laws import mixture_additive


@pytest.mark.parametrize("share", [-0.1, np.nan])
def test_a_share_that_is_none_has_no_loss_but_a_share_of_zero_does(share):
    theta = np.array([1.0, 2.0, 3.0, 0.5, 0.7])
    with np.errstate(invalid="ignore"):
        found = mixture_additive.value(theta, np.array([[share, 0.0], [0.5, 0.5]]))
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(1 + 1 / (3 * 0.5**0.7))
