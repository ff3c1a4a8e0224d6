"""Predictions of a law beyond the data: they say so, and hold the truth where the law is only nearly right."""

import numpy as np
import pytest
from beyond_data import FLOPS, predictions

from relscale.fitting.estimation.beyond_data import beyond, model_error


def test_a_prediction_beyond_the_data_says_how_far_it_is() -> None:
    inside, near, far = predictions(0.0, 0)
    assert (inside.status, inside.note) == ("ok", None)
    assert near.status == far.status == "beyond the data that the law was fitted to"
    assert far.note == "training_flops 10× beyond the largest fitted"


@pytest.mark.slow
@pytest.mark.parametrize(("floor", "least"), [(0.0, 0.9), (0.5, 0.6)])
def test_predictions_beyond_the_data_cover_what_was_measured_there(floor: float, least: float) -> None:
    """Without the model's error a power law over a floor of 0.5 covers none of the farthest in these worlds."""
    found = [predictions(floor, seed) for seed in range(40)]
    for place in (1, 2):
        hits = [rows[place].low < rows[place].observed < rows[place].high for rows in found]
        assert np.mean(hits) >= least


def test_a_point_that_is_known_without_a_measurement_leaves_predictions_as_wide_as_the_measurements_make_them() -> (
    None
):
    floor = 0.5
    plain, anchored = (
        predictions(floor, 0, anchor)[2] for anchor in ((), ((1e17, floor + 2.0 * 0.01**-0.12),))
    )
    assert anchored.method_note.endswith("widened by the backtest error of such predictions")
    assert anchored.note == plain.note == "training_flops 10× beyond the largest fitted"
    assert np.log(anchored.high / anchored.low) > 0.5 * np.log(plain.high / plain.low)


def test_a_law_that_is_right_has_next_to_no_error_of_its_own() -> None:
    """Predictions whose misses are what their variance says add nothing that can be seen."""
    rng = np.random.default_rng(3)
    x = np.log(FLOPS)
    found = [
        model_error(x, rng.normal(size=12), lambda known: (np.zeros(12), np.ones(12))).growth
        for _ in range(400)
    ]
    assert np.median(found) < 0.2


def test_every_predictor_that_leaves_the_data_is_named() -> None:
    fitted = np.array([[1e8, 1e9], [2e9, 2e10], [0.1, 0.9]])
    names = ["params", "tokens", "share"]
    assert beyond(names, fitted, np.array([1e8, 2e9, 0.5])) == ""
    assert beyond(names, fitted, np.array([5e7, 4e10, 0.5])) == (
        "params 2× below the smallest fitted, tokens 2× beyond the largest fitted"
    )
