from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.design.recipes.laptop import architecture, hyperparameters
from relscale.errors import RelscaleError
from relscale.training.schedule import SCHEDULES, learning_rate_factor

HYPERPARAMETERS = hyperparameters("c-adamc", architecture(16, 8, 32), 4)


def factors(schedule: str, steps: int) -> list[float]:
    h = replace(HYPERPARAMETERS, schedule=schedule)
    return [learning_rate_factor(step, steps, h) for step in range(steps)]


@pytest.mark.slow
@given(st.sampled_from(SCHEDULES), st.integers(10, 3000))
def test_a_schedule_rises_from_nothing_to_the_peak_and_falls_towards_nothing(schedule, steps):
    values = factors(schedule, steps)
    peak = values.index(max(values))
    assert values[0] == 0
    assert max(values) == 1
    assert values[: peak + 1] == sorted(values[: peak + 1])
    assert values[peak:] == sorted(values[peak:], reverse=True)
    assert 0 < values[-1] <= 0.5
    assert peak == int(0.1 * steps)


@given(st.integers(1, 50))
def test_warmup_stable_decay_spends_a_tenth_rising_and_a_fifth_falling(tens):
    values = factors("wsd", 10 * tens)
    assert sum(value < 1 for value in values[: 5 * tens]) == tens
    assert values.count(1.0) == 10 * tens - tens - 2 * tens + 1
    # Linear: the falling part's sum is that of an arithmetic series.
    assert sum(values[-2 * tens :]) == pytest.approx((2 * tens + 1) / 2)


def test_half_way_down_linear_and_cosine_are_at_one_half():
    for schedule in ("linear", "cosine"):
        assert factors(schedule, 1000)[550] == pytest.approx(0.5)


@given(st.sampled_from(SCHEDULES), st.integers(1, 9))
def test_the_shortest_runs_have_a_schedule_too(schedule, steps):
    assert all(0 <= value <= 1 for value in factors(schedule, steps))
    assert any(value > 0 for value in factors(schedule, steps))


def test_an_unknown_schedule_is_named_with_those_there_are():
    with pytest.raises(RelscaleError, match="no schedule 'constant'; there are wsd, cosine, linear"):
        factors("constant", 10)
