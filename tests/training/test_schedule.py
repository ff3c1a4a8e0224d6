from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.design.recipes.laptop import architecture, hyperparameters
from relscale.errors import RelscaleError
from relscale.training.schedule import SCHEDULES, learning_rate_factor, whole_steps

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


@given(st.decimals(0, "0.5", places=4), st.integers(1, 10**6), st.integers(1, 64))
def test_a_share_has_the_whole_steps_of_its_decimal_fraction(share, sequences, batch):
    assert whole_steps(float(share), sequences) == share * sequences // 1
    assert whole_steps(float(share), sequences / batch) == share * sequences // batch


def test_whole_steps_of_every_percentage():
    assert [whole_steps(percent / 100, 100) for percent in range(51)] == list(range(51))


def test_warm_up_and_decay_last_their_share_where_floats_fall_short():
    h = replace(HYPERPARAMETERS, schedule="wsd", warmup=0.29, decay=0.29)
    assert [learning_rate_factor(step, 100, h) for step in (28, 29, 71, 72)] == [28 / 29, 1, 1, 28 / 29]


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
