import pytest
from hypothesis import given
from hypothesis import strategies as st

from relscale.scoring import prefixes
from relscale.scoring.prefixes import shared_prefixes


@pytest.fixture(autouse=True, scope="module")
def short_beginnings_count():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefixes, "SHORTEST", 2)
        yield


contexts = st.lists(
    st.lists(st.integers(1, 2), min_size=1, max_size=9).map(tuple), min_size=1, max_size=7, unique=True
)


def beginning(group):
    """Tokens that all begin with, fewer than the shortest has."""
    most = min(map(len, group)) - 1
    return next((n for n in range(most) if len({context[n] for context in group}) > 1), most)


def divisions(items):
    """All ways to divide a list into runs of neighbours."""
    if not items:
        yield []
    for size in range(1, len(items) + 1):
        for rest in divisions(items[size:]):
            yield [items[:size], *rest]


def saved(group):
    shared = beginning(group)
    worth = shared >= prefixes.SHORTEST and len(group) >= prefixes.FEWEST
    return (len(group) - 1) * shared if worth else 0


@pytest.mark.slow
@given(contexts)
def test_no_division_saves_more_tokens(given_contexts):
    found = shared_prefixes(given_contexts)
    assert sorted(number for numbers, _ in found for number in numbers) == list(range(len(given_contexts)))
    for numbers, shared in found:
        assert shared <= beginning([given_contexts[number] for number in numbers])
    ours = sum((len(numbers) - 1) * shared for numbers, shared in found)
    assert ours == max(sum(map(saved, division)) for division in divisions(sorted(given_contexts)))


def test_subjects_are_distinguished_by_their_examples():
    subjects = [tuple([9] * 12 + [subject] * 50) for subject in (1, 2)]
    questions = [(*subject, number, 0) for number in range(20) for subject in subjects]
    found = shared_prefixes(questions)
    assert [shared for _, shared in found] == [62, 62]
    assert {frozenset(numbers) for numbers, _ in found} == {
        frozenset(range(0, 40, 2)),
        frozenset(range(1, 40, 2)),
    }


def test_a_short_beginning_is_not_worth_a_pass_of_its_own():
    assert shared_prefixes([(1, number, 0) for number in range(9)]) == [(list(range(9)), 0)]
