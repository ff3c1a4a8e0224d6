"""Draws of a law's parameters from resampled points."""

import numpy as np
import pytest

from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.estimates import Estimates
from relscale.fitting.estimation.law_draws import draws
from relscale.fitting.estimation.law_points import PointRow, Points
from relscale.laws.catalogue import law as law_of_name

KNOWN = 10.0


@pytest.mark.parametrize(("scheme", "log"), [("residual", True), ("residual", False), ("parametric", False)])
def test_a_point_that_is_known_without_a_measurement_has_no_noise(scheme: str, log: bool) -> None:
    """Twelve points on a power law with 1% noise, and one that is known to lie five times as high as the law."""
    rng = np.random.default_rng(0)
    flops = np.geomspace(1e18, 1e21, 12)
    y = 2 * (flops / 1e20) ** -0.05 * np.exp(0.01 * rng.standard_normal(12))
    rows = [PointRow(run=f"r{i}") for i in range(12)]
    data = Points(rows, flops[None], y, np.full(12, 0.02), []).anchored([[1e22, KNOWN]])
    law, x, weights = law_of_name("power"), data.x / 1e20, np.ones(13)
    asked = []

    def fit(y: np.ndarray, weights: np.ndarray, starts: np.ndarray | None = None, **_: float) -> Estimates:
        asked.append(y)
        return estimate(law, x, y, weights=weights, residual="log" if log else "linear", starts=starts)

    options = {"scheme": scheme, "number": 50, "log_residual": log, "weights": weights, "rng": rng}
    draws(law, fit(data.y, weights), data, x, fit, **options)
    resampled = asked[1]
    assert (resampled[-1] == KNOWN).all()
    assert (np.ptp(resampled[:-1], axis=1) > 0).all()
