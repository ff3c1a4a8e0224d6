import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from relscale.scoring.batching import batches
from relscale.scoring.encoding import Window

token = st.integers(1, 99)
contexts = st.lists(st.lists(token, min_size=1, max_size=20).map(tuple), min_size=1, max_size=4)


@st.composite
def window_lists(draw):
    known = draw(contexts)
    answers = st.lists(token, min_size=1, max_size=9).map(tuple)
    return draw(st.lists(st.builds(Window, st.sampled_from(known), answers), min_size=1, max_size=12))


def visible(batch, row, place):
    """The tokens that attention lets the token at ``place`` read, in the order of their positions."""
    segment = batch.segments[row]
    seen = [j for j in range(place + 1) if segment[j] == 0 or segment[j] == segment[place]]
    assert batch.positions[row][seen].tolist() == list(range(len(seen)))
    return batch.tokens[row][seen].tolist()


@given(window_lists(), st.integers(10, 80), st.booleans())
def test_each_token_of_each_continuation_is_predicted_once_from_all_that_precedes_it(windows, budget, share):
    predicted = {number: [] for number in range(len(windows))}
    for batch in batches(windows, budget, share):
        length = batch.tokens.shape[1]
        for at, target, number in zip(batch.at, batch.targets, batch.windows, strict=True):
            predicted[int(number)].append((visible(batch, *divmod(int(at), length)), int(target)))
    for number, (context, continuation, _) in enumerate(windows):
        whole = list(context + continuation)
        expected = [(whole[:end], whole[end]) for end in range(len(context), len(whole))]
        assert predicted[number] == expected


@given(window_lists(), st.integers(10, 80), st.booleans())
def test_a_batch_keeps_to_its_budget_unless_it_is_a_single_row(windows, budget, share):
    for batch in batches(windows, budget, share):
        assert batch.tokens.size <= budget or len(batch.tokens) == 1


def test_four_answers_to_a_question_stand_in_one_row():
    question = tuple(range(1, 11))
    windows = [Window(question, (number, 50, 51)) for number in (20, 21, 22, 23)]
    (batch,) = batches(windows, 1000, share=True)
    assert batch.shared
    assert batch.tokens.shape == (1, 10 + 4 * 2)
    (apart,) = batches(windows, 1000, share=False)
    assert not apart.shared
    assert apart.tokens.shape == (4, 12)
    assert np.array_equal(np.sort(batch.targets), np.sort(apart.targets))
