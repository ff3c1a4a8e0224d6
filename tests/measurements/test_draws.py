import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.measurements.draws import draws

ids = st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=5)


@pytest.mark.slow
@given(ids, ids, st.integers(1, 30), st.integers(0, 5))
def test_a_documents_draws_do_not_depend_on_the_others(some, others, count, seed):
    together = draws([*others, *some], count, seed)
    assert np.array_equal(together[len(others) :], draws(some, count, seed))


@pytest.mark.slow
@given(ids, st.integers(1, 30), st.integers(0, 5))
def test_more_draws_keep_the_first_ones(some, count, seed):
    assert np.array_equal(draws(some, count + 7, seed)[:, :count], draws(some, count, seed))


def test_counts_are_poisson_with_mean_one_and_independent():
    weights = draws([f"d{i}" for i in range(400)], 500, seed=0)
    shares = [np.mean(weights == k) for k in range(4)]
    assert shares == pytest.approx([np.exp(-1), np.exp(-1), np.exp(-1) / 2, np.exp(-1) / 6], abs=0.005)
    assert abs(np.corrcoef(weights)[~np.eye(400, dtype=bool)]).mean() < 0.05


def test_seeds_differ():
    assert not np.array_equal(draws(["a", "b"], 50, 0), draws(["a", "b"], 50, 1))
