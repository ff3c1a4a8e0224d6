"""From its own starting points a law's fit ends at the best optimum, for whatever parameters the data come from."""

import pytest
from generators.random_truths import TRUTHS
from trials.starting_points import of_starting_points

from relscale.laws.catalogue import law_names

SEARCHED_AGAIN = 5  # of the 100 random truths of docs/explanation/coverage.md


def test_every_law_has_random_truths() -> None:
    assert set(TRUTHS) == set(law_names())


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTHS)
def test_the_fit_of_any_of_five_random_parameters_is_the_best_there_is(name: str) -> None:
    assert of_starting_points(name, SEARCHED_AGAIN).missed == 0
