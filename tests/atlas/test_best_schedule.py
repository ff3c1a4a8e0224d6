"""The best schedule of the multi-power law ends below every schedule of a simpler shape."""

import numpy as np
import pytest

from relscale.atlas.best_schedule import best_schedule, final_loss
from relscale.atlas.multi_power import PEAK, PUBLISHED

THETA = np.array(PUBLISHED["100M"])
WARM_UP = np.linspace(0, PEAK, 200)
STEPS = 2_000


@pytest.mark.slow
def test_no_constant_rate_with_a_decay_of_any_length_and_power_ends_lower() -> None:
    rates, loss = best_schedule(THETA, WARM_UP, STEPS)
    assert loss == final_loss(THETA, rates, len(WARM_UP))[0]
    assert (np.diff(rates[len(WARM_UP) - 1 :]) <= 0).all()
    step = np.arange(STEPS - len(WARM_UP))
    for start in np.linspace(0.5, 0.95, 10):
        left = 1 - np.clip((step / len(step) - start) / (1 - start), 0, 1)
        for power in (0.7, 1, 1.5, 2):
            simple = np.append(WARM_UP, PEAK * left**power)
            assert loss < final_loss(THETA, simple, len(WARM_UP))[0] + 1e-5


def test_the_derivatives_are_those_of_differences() -> None:
    rates = np.append(WARM_UP, PEAK * np.linspace(1, 0.1, STEPS - len(WARM_UP)) ** 2)
    _, slopes = final_loss(THETA, rates, len(WARM_UP))
    for step in (10, len(WARM_UP), 700, STEPS - 1):
        change = np.where(np.arange(STEPS) == step, 1e-9, 0)
        above, below = (final_loss(THETA, rates + sign * change, len(WARM_UP))[0] for sign in (1, -1))
        np.testing.assert_allclose((above - below) / 2e-9, slopes[step], rtol=1e-4, atol=1e-6)
