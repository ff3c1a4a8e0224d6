import numpy as np
import pytest

from relscale.errors import RelscaleError
from relscale.fitting.estimation.estimate import estimate
from relscale.laws import annealing


def warm_up_stable_decay(steps: np.ndarray, peak: float = 1e-3, total: int = 3000) -> np.ndarray:
    return peak * np.minimum(np.minimum(steps / 200, 1), np.clip((total - steps) / (0.3 * total), 0, 1))


def double_sum(rates: np.ndarray, forgetting: float) -> tuple[float, float]:
    """S1 and S2 after all steps, as the formula says, for rates (s,) at steps 1 to s."""
    falls = np.r_[0.0, rates[:-1] - rates[1:]]
    s2 = sum(falls[k] * forgetting ** (i - k) for i in range(len(rates)) for k in range(i + 1))
    return float(rates.sum()), float(s2)


def test_the_areas_are_the_double_sum_with_warm_up_at_the_peak() -> None:
    steps = np.arange(1, 401)
    rates = 1e-3 * np.minimum(steps / 50, 1) * np.minimum(1, (400 - steps) / 150)
    as_if_at_the_peak = np.where(steps < 50, rates.max(), rates)
    for at in (120, 260, 399):
        expected = double_sum(as_if_at_the_peak[: at + 1], 0.99)
        assert annealing.areas(steps, rates, 0.99)[:, at] == pytest.approx(expected, rel=1e-9)


def test_a_curve_logged_every_hundred_steps_has_the_areas_of_the_whole() -> None:
    every, logged = np.arange(0, 3001), np.arange(0, 3001, 100)
    whole = annealing.areas(every, warm_up_stable_decay(every))
    sparse = annealing.areas(logged, warm_up_stable_decay(logged))
    assert sparse == pytest.approx(whole[:, ::100], rel=1e-9)


def test_nothing_anneals_before_the_learning_rate_falls() -> None:
    steps = np.arange(0, 3001, 100)
    s1, s2 = annealing.areas(steps, warm_up_stable_decay(steps))
    assert (s2[steps <= 2100] == 0).all()
    assert (np.diff(s2[steps >= 2100]) > 0).all()
    assert s1[5] == pytest.approx(500 * 1e-3)


def test_one_schedule_predicts_another() -> None:
    truth = np.array([2.5, 0.4, 2.0, 0.5])
    steps = np.arange(300, 3001, 50)
    all_steps = np.arange(0, 3001)
    seen = annealing.areas(all_steps, warm_up_stable_decay(all_steps))[:, steps]
    cosine = 5e-4 * (1 + np.cos(np.pi * all_steps / 3000))
    unseen = annealing.areas(all_steps, cosine)[:, steps]
    noisy = annealing.value(truth, seen) * np.exp(
        0.001 * np.random.default_rng(0).standard_normal(len(steps))
    )
    found = estimate(annealing.LAW, seen, noisy, loss="huber")
    predicted = annealing.value(found.theta[:, 0], unseen)
    assert predicted == pytest.approx(annealing.value(truth, unseen), rel=5e-3)


@pytest.mark.parametrize(
    ("steps", "rates", "message"),
    [
        ([3, 2, 1], [1, 1, 1], "increase"),
        ([1, 2.5], [1, 1], "whole"),
        ([1, 2], [1], "one for each step"),
        ([1, 2], [1, -1], "negative"),
        ([], [], "one for each step"),
    ],
)
def test_what_is_not_a_schedule_is_one_line(steps: list[float], rates: list[float], message: str) -> None:
    with pytest.raises(RelscaleError, match=message):
        annealing.areas(steps, rates)
