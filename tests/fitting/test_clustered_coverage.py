"""Limits of a coverage that was counted in clusters, of which the benchmark of forecasts has few."""

import numpy as np
import pytest
from clustered_coverage import clustered_coverage

CLUSTERS, EACH, TRIALS = 12, 20, 100


@pytest.mark.parametrize("together", [0.02, 0.95])
def test_limits_contain_the_true_coverage_however_much_hits_come_together(together):
    rng = np.random.default_rng(0)
    truth = {"a": 0.9, "b": 0.95, "c": 0.97}
    held = dict.fromkeys(truth, 0)
    for _ in range(TRIALS):
        families = {}
        for name, p in truth.items():
            mass = 1 / together - 1  # of a beta distribution whose draws correlate by ``together``
            families[name] = rng.binomial(EACH, rng.beta(p * mass, (1 - p) * mass, CLUSTERS)) / EACH
        for name, one in clustered_coverage(families).items():
            held[name] += one.low <= truth[name] <= one.high
    assert min(held.values()) > (0.95 - 3 * np.sqrt(0.05 * 0.95 / TRIALS)) * TRIALS


def test_a_family_without_a_miss_has_the_limit_of_as_many_hits_in_independent_trials():
    found = clustered_coverage({"all": [1.0] * 9, "half": [1.0, 0.0] * 5})
    assert found["all"].high == 1
    # at the lower limit p so many hits in a row, p^n, have a chance of 2.5%
    assert found["all"].low ** found["all"].effective == pytest.approx(0.025)
    assert found["all"].effective == pytest.approx(
        9 * (1 - 1 / 10)
    )  # one trial a cluster, less what the mean takes
