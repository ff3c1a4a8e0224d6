"""Orders and turns: permutations that need no list, and shares that hold for every beginning."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relscale.errors import RelscaleError
from relscale.tokens.interleave import RESOLUTION, integer_shares, interleave, most_turns
from relscale.tokens.order import shuffled_index


@settings(deadline=None, max_examples=50)
@given(blocks=st.integers(1, 3000), seed=st.integers(0, 5))
def test_an_order_that_is_not_written_out_takes_every_block_once(blocks, seed):
    with patch("relscale.tokens.order.MAX_STORED", 0):
        order = shuffled_index(np.arange(blocks), blocks, (seed, 0))
    assert sorted(order.tolist()) == list(range(blocks))


def test_a_billion_blocks_are_in_no_visible_order():
    blocks = 10**9
    numbers = np.arange(5000)
    order = shuffled_index(numbers, blocks, (0, 0))
    assert len(set(order.tolist())) == 5000
    assert order.min() >= 0
    assert order.max() < blocks
    assert order.mean() / blocks == pytest.approx(0.5, abs=0.02)
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.05
    for key in ((1, 0), (0, 1)):
        assert (shuffled_index(numbers, blocks, key) != order).mean() > 0.999


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(weights=st.lists(st.floats(0.01, 10), min_size=1, max_size=8), start=st.integers(0, 10**12))
def test_each_part_has_its_share_of_every_beginning(weights, start):
    shares = integer_shares(weights)
    exact = np.asarray(weights) / sum(weights)
    assert np.abs(np.asarray(shares) / sum(shares) - exact).max() <= 1 / RESOLUTION
    parts, before = interleave(np.arange(3000), shares)
    for part, share in enumerate(shares):
        had = np.cumsum(parts == part)
        assert (had <= most_turns(np.arange(1, 3001), shares)[part] + 1e-9).all()
        share /= sum(shares)
        assert np.abs(had - np.arange(1, 3001) * share).max() <= (1 + len(shares) * share) / 2
        assert before[parts == part].tolist() == list(range(had[-1]))
    # Anywhere, and without what came before.
    period = sum(shares)
    later, counted = interleave(start * period + np.arange(3000), shares)
    assert (later == parts).all()
    assert (counted == before + start * np.asarray(shares)[parts]).all()


def test_a_share_that_rounds_to_nothing_is_refused():
    with pytest.raises(RelscaleError, match=r"a weight of 1e-05 is below a millionth of the mixture"):
        integer_shares([100, 0.00001])
