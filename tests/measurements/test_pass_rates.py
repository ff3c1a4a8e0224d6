"""Pass rates without bias, and the three ways in which a rate emerges."""

import numpy as np
import pytest

from relscale.errors import RelscaleError
from relscale.measurements.pass_rates import Emergence, emergence, log_log_variance, pooled, until_passes

SCALE = np.geomspace(1, 100, 9)


def test_the_unbiased_rate_of_many_items_is_the_rate() -> None:
    draws = np.random.default_rng(0).negative_binomial(2, 0.05, 200_000) + 2
    assert until_passes(draws, 2).mean() == pytest.approx(0.05, rel=0.02)
    assert (2 / draws).mean() > 0.08
    assert pooled(np.full(len(draws), 2), draws) == pytest.approx(0.05, rel=0.02)


def test_the_variance_of_the_double_logarithm_is_that_of_simulated_rates() -> None:
    rate = np.random.default_rng(1).binomial(4000, 0.3, 20_000) / 4000
    assert np.var(np.log(-np.log(rate))) == pytest.approx(log_log_variance(0.3, 4000), rel=0.05)
    assert np.isinf(log_log_variance([0.0, 1.0], 10)).all()


def test_a_line_two_steps_and_two_ways_are_distinguished() -> None:
    one = np.exp(-2 * SCALE**-0.5)
    both = one * np.exp(-4 * SCALE**-1.0)
    either = 1 - (1 - np.exp(-4 * SCALE**-0.3)) * (1 - np.exp(-40 * SCALE**-1.0))
    kinds = [emergence(SCALE, rate, 100_000) for rate in (one, both, either)]
    assert kinds == [Emergence.STANDARD, Emergence.SLOWER, Emergence.ACCELERATED]
    assert emergence(SCALE, both, 3) is Emergence.STANDARD


def test_what_cannot_be_estimated_is_one_sentence() -> None:
    with pytest.raises(RelscaleError, match="needs at least two"):
        until_passes([3], 1)
    with pytest.raises(RelscaleError, match="fewer than four rates"):
        emergence([1, 2, 3, 4], [0, 0, 0.5, 1], 10)
