import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.scoring.batching import batches, prefix_trees
from relscale.scoring.encoding import Window

token = st.integers(1, 99)
contexts = st.lists(st.lists(token, min_size=1, max_size=20).map(tuple), min_size=1, max_size=4)


@st.composite
def window_lists(draw):
    known = draw(contexts)
    answers = st.lists(token, min_size=1, max_size=9).map(tuple)
    return draw(st.lists(st.builds(Window, st.sampled_from(known), answers), min_size=1, max_size=12))


def visible(batch, prefix, row, place):
    """The tokens that attention lets the token at ``place`` read, in the order of their positions."""
    tree, branch = batch.trees[row], batch.branches[row]
    before = [j for j in range(place + 1) if tree[j] == tree[place] and branch[j] in (0, branch[place])]
    assert batch.positions[row][before].tolist() == [len(prefix) + n for n in range(len(before))]
    return list(prefix) + batch.tokens[row][before].tolist()


def packed(windows, budget, share, prefix=()):
    trees = prefix_trees(windows, range(len(windows)), len(prefix), share)
    return [batch for batch, _ in batches(windows, trees, budget, len(prefix))]


@pytest.mark.slow
@given(window_lists(), st.integers(10, 80), st.booleans(), st.lists(token, max_size=30).map(tuple))
def test_each_token_of_each_continuation_is_predicted_once_from_all_that_precedes_it(
    windows, budget, share, prefix
):
    windows = [Window(prefix + context, continuation) for context, continuation, _ in windows]
    predicted = {number: [] for number in range(len(windows))}
    for batch in packed(windows, budget, share, prefix):
        length = batch.tokens.shape[1]
        for place, target, number in zip(batch.row_index, batch.targets, batch.windows, strict=True):
            read = visible(batch, prefix, *divmod(int(batch.token_index[place]), length))
            predicted[int(number)].append((read, int(target)))
    for number, (context, continuation, _) in enumerate(windows):
        whole = list(context + continuation)
        assert predicted[number] == [(whole[:end], whole[end]) for end in range(len(context), len(whole))]


@pytest.mark.slow
@given(window_lists(), st.integers(10, 80), st.booleans())
def test_a_batch_keeps_to_its_budget_unless_it_is_a_single_row(windows, budget, share):
    for batch in packed(windows, budget, share):
        assert batch.tokens.size <= budget or len(batch.tokens) == 1


@pytest.mark.slow
@given(window_lists(), st.integers(10, 80), st.booleans(), st.lists(token, max_size=30).map(tuple))
def test_a_row_is_plain_only_where_causal_attention_shows_it_all_and_nothing_else(
    windows, budget, share, prefix
):
    windows = [Window(prefix + context, continuation) for context, continuation, _ in windows]
    for batch in packed(windows, budget, share, prefix):
        if batch.plain:
            assert not prefix
            assert not batch.branches[:, 0].any()
            assert all(len(set(row[row >= 0])) == 1 for row in batch.trees)


def test_four_answers_to_a_question_stand_in_one_row_and_share_the_place_of_their_first_token():
    question = tuple(range(1, 11))
    windows = [Window(question, (number, 50, 51)) for number in (20, 21, 22, 23)]
    (batch,) = packed(windows, 1000, share=True)
    assert not batch.plain
    assert batch.tokens.shape == (1, 10 + 4 * 2)
    assert len(batch.token_index) == 1 + 4 * 2
    (apart,) = packed(windows, 1000, share=False)
    assert apart.tokens.shape == (4, 12)
    assert np.array_equal(np.sort(batch.targets), np.sort(apart.targets))


def test_questions_behind_a_prefix_fill_rows_of_its_length():
    examples = tuple(range(1, 61))
    windows = [Window((*examples, number, number), (7,)) for number in range(60)]
    (batch,) = packed(windows, 1000, share=True, prefix=examples)
    assert batch.tokens.shape == (2, 60)
    assert (batch.trees >= 0).all()
