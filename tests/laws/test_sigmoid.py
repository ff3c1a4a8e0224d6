import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relscale.fitting.estimation.estimate import Estimates, estimate
from relscale.fitting.status import OK, Remark, Status
from relscale.laws import sigmoid

FLOOR = 0.25
LOSS = np.linspace(0.8, 2.4, 40)


def accuracy(ceiling: float, midpoint: float, slope: float) -> np.ndarray:
    return sigmoid.value(np.array([FLOOR, ceiling, midpoint, slope]), LOSS[None])


def fitted(y: np.ndarray) -> Estimates:
    """With the floor given, of one data set (n,) or many (n, B)."""
    first = y if y.ndim == 1 else y[:, 0]
    starts = sigmoid.starts_above(FLOOR, LOSS[None], first)
    return estimate(sigmoid.LAW, LOSS[None], y, residual="linear", starts=starts, fixed={"floor": FLOOR})


@pytest.mark.slow
@settings(max_examples=25)
@given(ceiling=st.floats(0.45, 0.95), midpoint=st.floats(1.1, 2.0), slope=st.floats(3, 20))
def test_a_sigmoid_that_bends_within_the_data_is_recovered(
    ceiling: float, midpoint: float, slope: float
) -> None:
    found = fitted(accuracy(ceiling, midpoint, slope))
    assert found.status == [OK]
    assert found.theta[:, 0] == pytest.approx([FLOOR, ceiling, midpoint, slope], rel=1e-4)


def test_accuracy_runs_from_the_ceiling_down_to_chance() -> None:
    theta = np.array([FLOOR, 0.9, 1.5, 6.0])
    best, middle, worst = sigmoid.value(theta, np.array([[-50.0, 1.5, 50.0]]))
    assert (best, middle, worst) == pytest.approx((0.9, (0.9 + FLOOR) / 2, FLOOR))


def test_data_that_rise_past_every_ceiling_end_on_a_bound_and_say_so() -> None:
    found = fitted(accuracy(1.6, 1.2, 5.0))
    assert found.status == [Remark(Status.ON_A_BOUND, "on a bound: ceiling")]
    assert np.isnan(found.stderr[1:]).all()


def test_intervals_of_noisy_data_cover_the_true_value_at_the_nominal_rate() -> None:
    rng, truth, number = np.random.default_rng(0), np.array([0.85, 1.5, 6.0]), 400
    noise = 0.01 * rng.standard_normal((len(LOSS), number))
    low, high = fitted(accuracy(*truth)[:, None] + noise).interval(0.95)
    hits = ((low[1:] <= truth[:, None]) & (truth[:, None] <= high[1:])).mean(axis=1)
    assert hits == pytest.approx(0.95, abs=3.5 * np.sqrt(0.95 * 0.05 / number))
