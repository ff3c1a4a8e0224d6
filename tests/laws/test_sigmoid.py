import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relscale.fitting.nonlinear import Solution, least_squares
from relscale.laws import sigmoid

FLOOR = 0.25
LOSS = np.linspace(0.8, 2.4, 40)


def fitted(accuracy: np.ndarray) -> Solution:
    return least_squares(
        lambda theta: sigmoid.accuracy(LOSS, *theta, floor=FLOOR) - accuracy,
        lambda theta: sigmoid.jacobian(LOSS, *theta, floor=FLOOR),
        sigmoid.PARAMETERS,
        sigmoid.starts(LOSS, accuracy, FLOOR),
        sigmoid.bounds(LOSS, FLOOR),
        0.95,
    )


@settings(max_examples=25, deadline=None)
@given(ceiling=st.floats(0.45, 0.95), midpoint=st.floats(1.1, 2.0), slope=st.floats(3, 20))
def test_a_sigmoid_that_bends_within_the_data_is_recovered(
    ceiling: float, midpoint: float, slope: float
) -> None:
    found = fitted(sigmoid.accuracy(LOSS, ceiling, midpoint, slope, floor=FLOOR))
    assert found.status == "ok"
    assert found.values == pytest.approx([ceiling, midpoint, slope], rel=1e-4)


def test_accuracy_runs_from_the_ceiling_down_to_chance() -> None:
    best, middle, worst = sigmoid.accuracy(np.array([-50.0, 1.5, 50.0]), 0.9, 1.5, 6.0, floor=FLOOR)
    assert (best, middle, worst) == pytest.approx((0.9, (0.9 + FLOOR) / 2, FLOOR))


def test_the_jacobian_agrees_with_finite_differences() -> None:
    theta, step = np.array([0.8, 1.4, 5.0]), 1e-6
    for i, column in enumerate(sigmoid.jacobian(LOSS, *theta, floor=FLOOR).T):
        shift = step * np.eye(3)[i]
        up, down = (sigmoid.accuracy(LOSS, *(theta + sign * shift), floor=FLOOR) for sign in (1, -1))
        assert column == pytest.approx((up - down) / (2 * step), abs=1e-7)


def test_data_that_rise_past_every_ceiling_end_on_a_bound_and_say_so() -> None:
    found = fitted(sigmoid.accuracy(LOSS, 1.6, 1.2, 5.0, floor=FLOOR))
    assert found.status == "on a bound: ceiling"
    assert np.isnan(found.stderr).all()


def test_intervals_of_noisy_data_hold_the_truth_as_often_as_they_say() -> None:
    rng, truth = np.random.default_rng(0), np.array([0.85, 1.5, 6.0])
    clean = sigmoid.accuracy(LOSS, *truth, floor=FLOOR)
    found = [fitted(clean + 0.01 * rng.standard_normal(len(LOSS))) for _ in range(100)]
    hits = np.mean([(f.low <= truth) & (truth <= f.high) for f in found], axis=0)
    assert hits == pytest.approx(0.95, abs=3.5 * np.sqrt(0.95 * 0.05 / 100))
